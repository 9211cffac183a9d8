"""The tool ``get_system_info`` against a real HTTP server that plays the ECS task metadata endpoint."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.task_metadata import TaskMetadata, TaskMetadataError, read_task_metadata
from tests.server.server_process import ALL_VERSIONS, ServerProcess

ACCOUNT = "111122223333"

FARGATE_TASK = {
    "Cluster": f"arn:aws:ecs:us-west-2:{ACCOUNT}:cluster/runtime",
    "ServiceName": "mcp",
    "TaskARN": f"arn:aws:ecs:us-west-2:{ACCOUNT}:task/runtime/0123456789abcdef0123456789abcdef",
    "Family": "mcp-server",
    "Revision": "7",
    "DesiredStatus": "RUNNING",
    "KnownStatus": "RUNNING",
    "Limits": {"CPU": 0.25, "Memory": 512},
    "PullStartedAt": "2026-11-20T10:00:00.000000000Z",
    "PullStoppedAt": "2026-11-20T10:00:05.000000000Z",
    "AvailabilityZone": "us-west-2a",
    "LaunchType": "FARGATE",
    "Containers": [
        {
            "DockerId": "0123456789abcdef0123456789abcdef-123456789",
            "Name": "server",
            "Image": f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com/mcp@sha256:00",
            "Labels": {"private": "label-of-the-container"},
            "Limits": {"CPU": 2},
            "Type": "NORMAL",
            "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.1.23"]}],
        }
    ],
    "ClockDrift": {"ClockErrorBound": 0.5, "ClockSynchronizationStatus": "SYNCHRONIZED"},
    "EphemeralStorageMetrics": {"Utilized": 100, "Reserved": 20496},
}
"""The documented shape of ``${ECS_CONTAINER_METADATA_URI_V4}/task`` for a task on Fargate."""


@contextmanager
def metadata_endpoint(body: bytes, status: int = 200) -> Iterator[str]:
    """Serve `body` at ``/v4/ID/task`` and yield the endpoint's address, as ECS puts it into the environment."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/v4/0123-456/task"
            self.send_response(status if known else 404)
            self.end_headers()
            self.wfile.write(body if known else b"")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as endpoint:
        threading.Thread(target=endpoint.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{endpoint.server_port}/v4/0123-456"
        endpoint.shutdown()


def test_a_task_on_fargate_reports_itself_in_both_eras(start_server: Callable[..., ServerProcess]) -> None:
    with metadata_endpoint(json.dumps(FARGATE_TASK).encode()) as address:
        server = start_server(
            ECS_CONTAINER_METADATA_URI_V4=address, DATABASE_PASSWORD="hush-hush", AWS_REGION="us-west-2"
        ).wait_until_listening()
        for version in ALL_VERSIONS:
            result = server.call("get_system_info", version=version)
            info = result["structuredContent"]
            assert info["task"] == {
                "cluster": FARGATE_TASK["Cluster"],
                "task_arn": FARGATE_TASK["TaskARN"],
                "family": "mcp-server",
                "revision": "7",
                "availability_zone": "us-west-2a",
                "launch_type": "FARGATE",
                "cpu_limit_vcpus": 0.25,
                "memory_limit_mib": 512,
            }
            assert info["task_problem"] is None
            assert info["memory_peak_mib"] > 1 and info["uptime_seconds"] >= 0 and info["python_version"]
            assert json.loads(result["content"][0]["text"]) == info
            for private in ("hush-hush", "label-of-the-container", address):
                assert private not in json.dumps(result)


def test_outside_ecs_there_is_no_task(example_server: ServerProcess) -> None:
    info = example_server.call("get_system_info")["structuredContent"]
    assert info["task"] is None and info["task_problem"] is None


def test_an_endpoint_that_does_not_answer_is_said_and_hurts_nothing(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server(ECS_CONTAINER_METADATA_URI_V4="http://127.0.0.1:9/v4/0123-456").wait_until_listening()
    result = server.call("get_system_info")
    assert result["isError"] is False
    assert result["structuredContent"]["task"] is None
    assert result["structuredContent"]["task_problem"].endswith(".")


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{}", 500), (b"not json", 200), (b"[1]", 200), (b"", 200), (b"\xff\xfe", 200), (b"[" * 9999, 200)],
)
def test_an_unusable_answer_is_told_in_one_sentence(body: bytes, status: int) -> None:
    with metadata_endpoint(body, status) as address, pytest.raises(TaskMetadataError) as caught:
        read_task_metadata(address)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["file:///etc", "https://example.com", "nonsense", "http://", "http://[::1"])
def test_only_an_http_address_is_asked(address: str) -> None:
    with pytest.raises(TaskMetadataError):
        read_task_metadata(address)


_fields: Any = st.dictionaries(
    st.sampled_from([*FARGATE_TASK, "Other"]),
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.lists(st.text())
    | st.dictionaries(
        st.sampled_from(["CPU", "Memory"]), st.none() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
    ),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_fields)
def test_fields_of_unexpected_types_are_left_out(document: dict[str, Any]) -> None:
    with metadata_endpoint(json.dumps(document).encode()) as address:
        metadata = read_task_metadata(address)
    assert isinstance(metadata, TaskMetadata)
    assert metadata.availability_zone is None or metadata.availability_zone == document["AvailabilityZone"]

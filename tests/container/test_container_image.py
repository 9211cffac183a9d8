"""The image, really built from the Dockerfile and run with the limits of the smallest task.

Its base is the stand-in of `scripts.base_image`: the Debian release and the Python minor version of the official image.
"""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployer.environments import requirements
from generator import serving
from scripts.base_image import base_of
from tests.container.conftest import Built
from tests.container.podman import PATIENCE_SECONDS, Container, free_port
from tests.server.server_process import ALL_VERSIONS, MODERN_VERSION, PROJECT_ROOT, Answer, mcp_request

EXAMPLES = PROJECT_ROOT / "tests" / "server" / "example_tools"
SMALLEST_MEMORY_MIB = 512

Record = Any


@dataclass(frozen=True)
class Running:
    """A container that serves on a port of this machine, and what it took from its start to its first answers."""

    container: Container
    port: int
    seconds_to_health: float
    seconds_to_call: float
    cpu_seconds: float

    def request(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        return _request(self.port, method, path, body, headers)

    def mcp(self, version: str, method: str, params: Mapping[str, Any]) -> Answer:
        headers, body = mcp_request(version, method, params)
        return self.request("POST", "/mcp", body, headers)


def _request(port: int, method: str, path: str, body: object, headers: Mapping[str, str] | None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def _serve(container: Container, port: int) -> Running:
    """Wait for the first answers; fail when the container ends before."""
    while True:
        with suppress(OSError):
            health = _request(port, "GET", "/health", None, None)
            break
        state = container.inspect()["State"]
        assert state["Running"], (state, container.podman.run("logs", container.id).stdout)
        time.sleep(0.05)
    healthy = time.time()
    assert health.status == 200 and health.json() == {"status": "healthy"}
    headers, body = mcp_request(MODERN_VERSION, "tools/call", {"name": "echo", "arguments": {"message": "first"}})
    assert _request(port, "POST", "/mcp", body, headers).status == 200
    called = time.time()
    started = container.started()
    return Running(container, port, healthy - started, called - started, container.cpu_seconds())


@pytest.fixture(scope="module")
def server(built: Built) -> Iterator[Running]:
    """One container for all tests that do not stop it."""
    port = free_port()
    with built.podman.start(built.image, {"HOST": "127.0.0.1", "PORT": str(port)}) as container:
        yield _serve(container, port)


def test_it_answers_long_before_the_grace_period_ends_on_a_quarter_of_a_cpu(
    server: Running, record_property: Record
) -> None:
    record_property("figure", f"first answer of /health at 0.25 CPU: {server.seconds_to_health:.1f} s")
    record_property("figure", f"first answer of a tool at 0.25 CPU: {server.seconds_to_call:.1f} s")
    record_property("figure", f"processor time until then: {server.cpu_seconds:.2f} s")
    assert 0 < server.seconds_to_health <= server.seconds_to_call
    # A slower day, and the load balancer's own checks, have room in it.
    assert server.seconds_to_call < serving.HEALTH_CHECK_GRACE_SECONDS / 2


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_a_tool_is_called_in_each_protocol_era(server: Running, version: str) -> None:
    answer = server.mcp(version, "tools/call", {"name": "echo", "arguments": {"message": "hello"}})
    assert answer.status == 200
    assert answer.json()["result"]["content"] == [{"type": "text", "text": "hello"}]


def test_it_is_an_unprivileged_user_without_capabilities(server: Running) -> None:
    status = server.container.execute("cat", "/proc/1/status").stdout
    fields = {name: value.split() for name, _, value in (line.partition(":") for line in status.splitlines())}
    assert fields["Uid"] == ["65532"] * 4 and fields["Gid"] == ["65532"] * 4
    assert {int(fields[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}


def test_nothing_in_it_can_be_written_and_nothing_it_does_needs_that(server: Running) -> None:
    attempts = (
        "for path in ('/opt/app/server/x.py', '/var/x', '/etc/x', '/x'):\n"
        " try: open(path, 'w')\n"
        " except OSError as error: print(error.errno)\n"
    )
    read_only_file_system = "30"
    assert server.container.execute("python", "-c", attempts).stdout.split() == [read_only_file_system] * 4
    levels = {entry["level"] for entry in server.container.log()}
    assert levels <= {"DEBUG", "INFO"}


def test_its_own_health_check_passes_without_curl(built: Built, server: Running) -> None:
    assert server.container.execute("python", "-m", "server.healthcheck").returncode == 0
    image = json.loads(built.podman.run("image", "inspect", built.image).stdout)[0]
    assert image["Healthcheck"]["Test"] == ["CMD", "python", "-m", "server.healthcheck"]
    assert server.container.execute("sh", "-c", "command -v curl wget").returncode != 0
    wrong_port = ("sh", "-c", "PORT=1 python -m server.healthcheck")
    assert server.container.execute(*wrong_port).returncode == 1


def test_its_memory_stays_far_below_the_smallest_tasks(server: Running, record_property: Record) -> None:
    with ThreadPoolExecutor(8) as callers:
        calls = [
            callers.submit(
                server.mcp, MODERN_VERSION, "tools/call", {"name": "echo", "arguments": {"message": "x" * 9}}
            )
            for _ in range(40)
        ]
    assert {call.result().status for call in calls} == {200}
    answer = server.mcp(MODERN_VERSION, "tools/call", {"name": "get_system_info", "arguments": {}})
    peak = answer.json()["result"]["structuredContent"]["memory_peak_mib"]
    record_property("figure", f"memory at its peak, of 512 MiB: {peak:.0f} MiB")
    assert peak < SMALLEST_MEMORY_MIB / 2
    assert server.container.inspect()["State"]["OOMKilled"] is False


def test_sigterm_ends_it_with_status_zero_once_its_calls_are_answered(built: Built) -> None:
    port = free_port()
    environment = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PYTHONPATH": "/opt/packages:/opt/examples",
        "TOOL_PACKAGES": "server.tools,example_tools",
    }
    examples = f"--volume={EXAMPLES}:/opt/examples/example_tools:ro"
    with built.podman.start(built.image, environment, examples) as container:
        running = _serve(container, port)
        headers, body = mcp_request(MODERN_VERSION, "tools/call", {"name": "block", "arguments": {"seconds": 2}})
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        connection.request("POST", "/mcp", json.dumps(body), headers)
        for _ in range(3):
            # Answers to what comes later: by then the call has certainly been taken.
            running.request("GET", "/health")
        assert container.stop(serving.STOP_TIMEOUT_SECONDS) == 0
        answer = json.loads(connection.getresponse().read())
        connection.close()
        assert answer["result"]["structuredContent"] == {"result": "blocked 2.0"}
        log = {entry["message"]: entry for entry in container.log()}
        assert log["stopping"]["running_calls"] == 1 and log["stopped"]["exit_status"] == 0


def test_it_holds_exactly_the_locks_server_category_compiled(server: Running) -> None:
    listing = (
        "import importlib.metadata as m\nfor d in m.distributions(path=['/opt/packages']): print(d.name, d.version)"
    )
    installed = {
        name.lower().replace("_", "-"): f"=={version}"
        for name, version in (
            line.split() for line in server.container.execute("python", "-c", listing).stdout.splitlines()
        )
    }
    locked = json.loads((PROJECT_ROOT / "Pipfile.lock").read_text())["server"]
    assert installed == {name: package["version"] for name, package in locked.items()}
    not_compiled = (
        "import sys, server.application, server.lifecycle; from pathlib import Path\n"
        "specs = [module.__spec__ for module in list(sys.modules.values())]\n"
        "print(*[spec.name for spec in specs if spec and spec.cached and not Path(spec.cached).exists()])"
    )
    assert server.container.execute("python", "-c", not_compiled).stdout.split() == []


def test_every_package_of_the_lock_installs_on_the_other_architecture(tmp_path: Path) -> None:
    """Resolves the lock's hashes for Fargate on ARM64, wheels only, with pip as the Dockerfile does."""
    listing = tmp_path / "requirements.txt"
    listing.write_text(requirements("server"))
    python = base_of((PROJECT_ROOT / "Dockerfile").read_text()).python
    platforms = [f"--platform={name}_aarch64" for name in ("manylinux2014", "manylinux_2_17", "manylinux_2_28")]
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", f"--python-version={python}", *platforms]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        *options,
        f"--dest={tmp_path}",
        f"--requirement={listing}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    locked = json.loads((PROJECT_ROOT / "Pipfile.lock").read_text())["server"]
    wheels = list(tmp_path.glob("*.whl"))
    assert len(wheels) == len(locked)
    assert not [wheel.name for wheel in wheels if not wheel.stem.endswith(("-none-any", "_aarch64"))]

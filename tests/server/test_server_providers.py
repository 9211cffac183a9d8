"""Tools of a package, of an API and of another server: offered as allowed, each failing for itself alone."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from server.settings import SettingsError, read_settings
from tests.server.server_process import ALL_VERSIONS, EXAMPLE_TOOLS, MODERN_VERSION, ServerProcess

SECRETS = {"api": "key-of-the-api", "remote": "key-of-the-server"}
DOCUMENT = "tests/server/example_api.json"
"""Below the folder that servers of tests run in."""


class Api(BaseHTTPRequestHandler):
    """An API with orders; 13 breaks it and 60 makes it sleep."""

    seen: list[dict[str, str]] = []  # noqa: RUF012  # one server, one list
    released = threading.Event()

    def do_GET(self) -> None:
        """Answer with an order."""
        self.seen.append(dict(self.headers))
        if self.path == "/plain.json":
            document = {"openapi": "3.0.3", "servers": [{"url": "http://orders.example.com"}], "paths": {}}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())
            return
        if self.path == "/orders/60":
            self.released.wait(30)
        self.send_response(500 if self.path == "/orders/13" else 200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"order": self.path}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
        """Say nothing."""


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        Api.released.set()
        server.shutdown()


@pytest.fixture(scope="module")
def remote(server_python: Path) -> Iterator[ServerProcess]:
    """Another MCP server."""
    with ServerProcess(server_python, EXAMPLE_TOOLS) as running:
        yield running.wait_until_listening()


def _providers(folder: Path, api: str, remote: str) -> list[dict[str, Any]]:
    (folder / "more_tools").mkdir(exist_ok=True)
    (folder / "more_tools" / "__init__.py").touch()
    (folder / "slow_tools").mkdir(exist_ok=True)
    (folder / "slow_tools" / "__init__.py").write_text("import time\n\ntime.sleep(600)\n")
    for name in ("double", "hidden"):
        source = f'def {name}(number: int) -> int:\n    """Count."""\n    return number * 2\n'
        (folder / "more_tools" / f"{name}.py").write_text(source)
    return [
        {"name": "more", "kind": "package", "source": "more_tools", "tools": ["double"]},
        {
            "name": "orders",
            "kind": "openapi",
            "source": DOCUMENT,
            "base_url": api,
            "tools": ["get_*"],
            "timeout": 1,
            "credential": "api",
            "credential_header": "X-Api-Key",
        },
        {"name": "remote", "kind": "mcp", "source": remote, "tools": ["count", "wait", "echo"], "timeout": 2},
        {"name": "gone", "kind": "mcp", "source": "http://127.0.0.1:9/mcp", "timeout": 1},
        {"name": "broken", "kind": "package", "source": "absent_tools"},
        {"name": "again", "kind": "package", "source": "more_tools"},
        {"name": "keyless", "kind": "mcp", "source": remote, "credential": "mistyped"},
        {"name": "hanging", "kind": "package", "source": "slow_tools", "timeout": 1},
        {"name": "plain", "kind": "openapi", "source": f"{api}/plain.json", "credential": "api"},
    ]


@pytest.fixture(scope="module")
def server(
    server_python: Path, api: str, remote: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("providers")
    settings = {
        "PYTHONPATH": str(folder),
        "PROVIDERS": json.dumps(_providers(folder, api, remote.url)),
        "TOOL_SECRETS": json.dumps(SECRETS),
        "PROVIDER_START_SECONDS": "8",
    }
    with ServerProcess(server_python, settings) as running:
        yield running.wait_until_listening()


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_each_provider_offers_what_it_may(server: ServerProcess, version: str) -> None:
    listed = [tool["name"] for tool in server.mcp(version, "tools/list").json()["result"]["tools"]]
    assert sorted(listed) == ["count", "double", "echo", "get_order", "get_system_info", "hidden", "wait"]


def test_readiness_tells_what_became_of_each(server: ServerProcess) -> None:
    answer = server.request("GET", "/ready")
    state = answer.json()["providers"]
    assert (answer.status, state["more"], state["orders"], state["remote"]) == (200, "started", "started", "started")
    assert state["broken"].startswith("PROVIDERS names absent_tools, which is not there")
    assert state["keyless"] == "its credential mistyped is no key of the runtime's secret"
    assert state["hanging"] == "it did not answer within 8 seconds"
    assert "gives no https:// URL of the API" in state["plain"]
    assert state["gone"]
    assert "another tool has that name" in [entry.get("reason") for entry in server.log()]


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_their_tools_are_called_with_their_credentials_and_nobody_elses(server: ServerProcess, version: str) -> None:
    assert server.call("double", {"number": 4}, version)["structuredContent"] == {"result": 8}
    Api.seen.clear()
    params = {"name": "get_order", "arguments": {"order": 7}}
    answer = server.mcp(version, "tools/call", params, headers={"Authorization": "Bearer of-the-caller"})
    assert answer.json()["result"]["structuredContent"] == {"order": "/orders/7"}
    (sent,) = Api.seen
    assert {name.lower(): value for name, value in sent.items()}["x-api-key"] == SECRETS["api"]
    assert "of-the-caller" not in json.dumps(sent)
    assert not server.call("wait", {"seconds": 0.1}, version)["isError"]
    assert server.call("echo", {"message": "own"}, version)["structuredContent"] == {"result": "own"}


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("get_order", {"order": 60}, "orders, which has the tool get_order, did not answer within 1 seconds."),
        ("get_order", {"order": 13}, "orders, which has the tool get_order, failed; try again later."),
        ("wait", {"seconds": 5}, "remote, which has the tool wait, did not answer within 2 seconds."),
        ("delete_order", {"order": 1}, "Unknown tool: 'delete_order'"),
    ],
)
def test_a_call_that_fails_says_whose_failure_it_is(
    server: ServerProcess, tool: str, arguments: dict[str, Any], sentence: str
) -> None:
    result = server.call(tool, arguments)
    assert result["isError"]
    assert sentence in result["content"][0]["text"]
    assert server.call("double", {"number": 1})["structuredContent"] == {"result": 2}


def test_a_package_that_hangs_does_not_hold_up_the_end(
    start_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    (tmp_path / "slow_tools").mkdir()
    (tmp_path / "slow_tools" / "__init__.py").write_text("import time\n\ntime.sleep(600)\n")
    slow = {"name": "slow", "kind": "package", "source": "slow_tools", "timeout": 1}
    settings = {"PROVIDERS": json.dumps([slow]), "PYTHONPATH": str(tmp_path), "PROVIDER_START_SECONDS": "1"}
    server = start_server(**settings).wait_until_listening()
    assert server.stop() == 0


def test_nothing_secret_is_logged(server: ServerProcess) -> None:
    server.call("get_order", {"order": 13})
    text = json.dumps(server.log())
    assert not [secret for secret in SECRETS.values() if secret in text]


def test_a_required_provider_that_does_not_start_keeps_the_server_from_starting(
    start_server: Callable[..., ServerProcess],
) -> None:
    gone = {"name": "gone", "kind": "mcp", "source": "http://127.0.0.1:9/mcp", "timeout": 1, "required": True}
    server = start_server(PROVIDERS=json.dumps([gone]))
    assert server.exit_status() == 1
    assert "The required provider gone has not started" in json.dumps(server.log())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{}", "is no list of at most 10 objects"),
        ("[", "is not JSON"),
        ('[{"name": "A"}]', "without a name"),
        ('[{"name": "a", "kind": "soap"}]', "the kind 'soap'; write package, openapi or mcp"),
        ('[{"name": "a", "kind": "mcp", "source": "ftp://x"}]', "write the server's https:// URL"),
        ('[{"name": "a", "kind": "openapi", "source": "../secrets.json"}]', "the path of a document in the image"),
        ('[{"name": "a", "kind": "package", "source": "x", "timeout": 0}]', "seconds from 1 to 120"),
        ('[{"name": "a", "kind": "package", "source": "x", "credential": 1}]', "write the name of a key"),
        (
            '[{"name": "a", "kind": "mcp", "source": "http://127.0.0.1:1@example.com"}]',
            "write the server's https:// URL",
        ),
        ('[{"name": "a", "kind": "package", "source": "x", "tool": ["y"]}]', "the unknown member tool"),
        ('[{"name": "a", "kind": "package", "source": "x", "tools": []}]', "no list of tools"),
        (
            '[{"name": "a", "kind": "package", "source": "x"}, {"name": "a", "kind": "package", "source": "y"}]',
            "twice",
        ),
    ],
)
def test_what_is_wrong_with_the_setting_is_told(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=r"^PROVIDERS ") as caught:
        read_settings({"PROVIDERS": text})
    assert sentence in str(caught.value)


@pytest.mark.parametrize("version", [MODERN_VERSION])
def test_what_is_not_configured_is_not_imported(server_python: Path, version: str) -> None:
    with ServerProcess(server_python, {}) as plain:
        assert plain.wait_until_listening().request("GET", "/ready").json() == {"status": "ready", "tools": 2}

"""What `connect` makes for each client, and how it writes into files that are somebody's."""

import ast
import importlib.util
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

import build
from deployer import client_configurations as clients
from deployer import connect_page, connecting, project_files
from deployer.client_configurations import CLIENTS, PROXY, Client, Gateway
from deployer.client_versions import versions
from deployer.environments import ensure
from deployer.errors import UsageError

URL = "https://tools-0123456789.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp"
PROGRAMS = [client for client in CLIENTS if client.file.endswith(".py")]
FILES = [client for client in CLIENTS if client.key]
PROXY_WORDS = [
    *(f"{PROXY}@{versions()[PROXY]}", URL, "--service", "bedrock-agentcore"),
    *("--region", "eu-west-1", "--profile", "agent"),
]


def gateway(**changes: str) -> Gateway:
    return Gateway(
        **{"url": URL, "region": "eu-west-1", "name": "tools", "profile": "agent", **changes}, versions=versions()
    )


def program(client: Client) -> ast.Module:
    return ast.parse(client.text(gateway()))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("claude-code", {"mcpServers": {"tools": {"type": "stdio", "command": "uvx", "args": PROXY_WORDS}}}),
        ("claude-desktop", {"mcpServers": {"tools": {"command": "uvx", "args": PROXY_WORDS}}}),
        ("cursor", {"mcpServers": {"tools": {"type": "stdio", "command": "uvx", "args": PROXY_WORDS}}}),
        ("vscode", {"servers": {"tools": {"type": "stdio", "command": "uvx", "args": PROXY_WORDS}}}),
        ("kiro", {"mcpServers": {"tools": {"command": "uvx", "args": PROXY_WORDS}}}),
    ],
)
def test_a_client_s_file_starts_the_proxy(name: str, expected: dict[str, Any]) -> None:
    client = clients.named(name)
    assert json.loads(client.text(gateway())) == expected
    (step,) = [step for step in clients.steps(client, gateway()) if step.language == "json"]
    assert json.loads(step.text) == expected
    assert step.file == (client.file or client.elsewhere)


def test_claude_code_s_command_is_its_file_as_words() -> None:
    at = gateway(credentials="/a b/credentials")
    client = clients.named("claude-code")
    (command,) = [step.text for step in clients.steps(client, at) if step.text.startswith("claude ")]
    words = shlex.split(command)
    entry = client.entry(at)
    assert words[words.index("--") + 1 :] == [entry["command"], *entry["args"]]
    assert words[:5] == ["claude", "mcp", "add", "--scope", "project"]
    assert words[words.index("--") - 1] == "tools"
    assert entry["env"] == {"AWS_SHARED_CREDENTIALS_FILE": "/a b/credentials"}
    assert "AWS_SHARED_CREDENTIALS_FILE=/a b/credentials" in words


def test_a_desktop_s_client_has_the_whole_path_of_what_it_starts() -> None:
    at = gateway(uvx="/opt/uv/uvx")
    commands = {client.name: client.entry(at)["command"] for client in FILES}
    assert commands == {**dict.fromkeys(commands, "uvx"), "claude-desktop": "/opt/uv/uvx"}


@pytest.mark.parametrize(("name", "longest"), [("claude-code", 52), ("cursor", 54), ("kiro", 99)])
def test_tools_that_a_client_has_no_room_for_are_told(name: str, longest: int) -> None:
    client, fits, more = clients.named(name), "a" * longest, "b" * (longest + 1)
    found = connecting.Connection(client, gateway(), "", [fits, more], {})
    assert found.left_out == ([] if name == "kiro" else [more])
    assert any("give a shorter --server-name" in line for line in found.lines()) == bool(found.left_out)
    assert found.as_data()["tools_left_out"] == found.left_out


def test_an_address_that_names_no_region_comes_with_one() -> None:
    assert gateway().environment == {}
    at = gateway(url="http://127.0.0.1:1/gateways/tools/mcp")
    assert at.environment == {"AWS_REGION": "eu-west-1"}


def test_without_a_profile_none_is_named() -> None:
    at = gateway(profile="")
    assert "--profile" not in at.proxy
    assert "PROFILE = None" in clients.named("python").text(at)
    commands = [step.text for step in clients.steps(clients.named("python"), at) if step.language == "shell"]
    assert commands[0] == "aws sts get-caller-identity"


@pytest.mark.parametrize("client", PROGRAMS, ids=lambda client: client.name)
def test_a_program_names_what_it_imports_and_nothing_else(client: Client) -> None:
    text = client.text(gateway())
    metadata = re.search(r"^# /// script\n((?:# .*\n)+)# ///$", text, flags=re.MULTILINE)
    assert metadata is not None
    dependencies = tomllib.loads(re.sub("^# ", "", metadata[1], flags=re.MULTILINE))["dependencies"]
    assert all("==" in dependency for dependency in dependencies)
    named = {dependency.partition("==")[0].replace("-", "_") for dependency in dependencies}
    found = {node.module or "" for node in ast.walk(program(client)) if isinstance(node, ast.ImportFrom)}
    found |= {name.name for node in ast.walk(program(client)) if isinstance(node, ast.Import) for name in node.names}
    others = {module.partition(".")[0] for module in found} - {"asyncio", "collections", "json", "sys", "typing"}
    brought = {"botocore": "boto3", "langchain_core": "langchain_mcp_adapters", "strands": "strands_agents"}
    brought |= {"mcp": PROXY.replace("-", "_")} if client.name == "langgraph" else {}
    assert {brought.get(module, module) for module in others} == named


def test_the_plain_program_s_modules_are_those_of_the_lock() -> None:
    modules = [node.module for node in ast.walk(program(clients.named("python"))) if isinstance(node, ast.ImportFrom)]
    assert all(module and importlib.util.find_spec(module) for module in modules)


def test_the_proxy_s_own_package_takes_the_call_and_the_command() -> None:
    keywords = [
        sorted(str(word.arg) for word in node.keywords)
        for name in ("strands", "langgraph")
        for node in ast.walk(program(clients.named(name)))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "aws_iam_streamablehttp_client"
    ]
    assert keywords[0] == keywords[1]
    code = (
        "import inspect, json, sys\n"
        "from mcp_proxy_for_aws.cli import parse_args\n"
        "from mcp_proxy_for_aws.client import aws_iam_streamablehttp_client as made\n"
        f"inspect.signature(made).bind(**dict.fromkeys({keywords[0]!r}))\n"
        "print(json.dumps({name: str(value) for name, value in vars(parse_args()).items()}))"
    )
    done = subprocess.run(
        [ensure("clients"), "-c", code, *gateway().proxy[2:]], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert (found["endpoint"], found["service"], found["region"]) == (URL, "bedrock-agentcore", "eu-west-1")
    assert found["profiles"] == "['agent']"


def test_the_page_has_every_client_and_its_text() -> None:
    page = connect_page.page()
    for client in CLIENTS:
        assert f"\n## {client.name}\n" in page
        assert client.source in page


@pytest.mark.parametrize(
    ("url", "region", "expected"),
    [
        (URL, "", (URL, "eu-west-1")),
        (f"{URL}/", "", (URL, "eu-west-1")),
        (URL.removesuffix("/mcp"), "us-east-1", (URL, "eu-west-1")),
        ("http://127.0.0.1:80/gateways/x/mcp", "us-east-1", ("http://127.0.0.1:80/gateways/x/mcp", "us-east-1")),
        ("https://tools.example.com/mcp", "us-east-2", ("https://tools.example.com/mcp", "us-east-2")),
    ],
)
def test_a_url_alone_is_enough(url: str, region: str, expected: tuple[str, str]) -> None:
    found = connecting.known_gateway(url, region, "tools", "")
    assert (found.url, found.region) == expected


SERVER = {"command": "uvx", "args": ["a"]}


@pytest.mark.parametrize(
    ("text", "outcome", "expected"),
    [
        ("", "written", {"mcpServers": {"tools": SERVER}}),
        ('{"other": 1}', "written", {"other": 1, "mcpServers": {"tools": SERVER}}),
        ('{"mcpServers": {"a": {"x": "é"}}}', "written", {"mcpServers": {"a": {"x": "é"}, "tools": SERVER}}),
        (
            '{"mcpServers": {"tools": {"command": "old"}, "b": {}}}',
            "replaced",
            {"mcpServers": {"tools": SERVER, "b": {}}},
        ),
    ],
)
def test_other_servers_stay(text: str, outcome: str, expected: dict[str, Any]) -> None:
    made, found = project_files.merged(text, "mcpServers", "tools", SERVER, "mcp.json")
    assert (json.loads(made), found) == (expected, outcome)
    assert list(json.loads(made)) == list(expected)
    assert project_files.merged(made, "mcpServers", "tools", SERVER, "mcp.json") == (made, "unchanged")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"mcpServers": {}, // mine\n}', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "it is no JSON object"),
        ('{"mcpServers": []}', "its 'mcpServers' is no JSON object"),
    ],
)
def test_a_file_that_is_something_else_is_left_as_it_is(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=sentence):
        project_files.add_server(file, "mcpServers", "tools", SERVER)
    assert file.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "mcp.json"
    real.write_bytes(b'\xef\xbb\xbf{"mcpServers": {}}')
    real.chmod(0o640)
    link.symlink_to(real)
    assert project_files.add_server(link, "mcpServers", "tools", SERVER) == "written"
    assert link.is_symlink()
    assert json.loads(real.read_text(encoding="utf-8")) == {"mcpServers": {"tools": SERVER}}
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_program_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    client = clients.named("python")
    file = tmp_path / client.file
    assert connecting.write(client, gateway(), tmp_path) == {str(file): "written"}
    assert connecting.write(client, gateway(), tmp_path) == {str(file): "unchanged"}
    file.write_text("mine\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is there already and differs"):
        connecting.write(client, gateway(), tmp_path)
    assert file.read_text(encoding="utf-8") == "mine\n"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Runs `connect` without AWS; returns its status and what it printed."""
    status = build.main(["connect", *words])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--client", "emacs"],
            "choose claude-code, claude-desktop, cursor, vscode, kiro, strands, langgraph, python,",
        ),
        (["--client", "Cursor"], "--client = 'Cursor' is no client"),
        (["--client", "kiro", "--server-name", "a b"], "--server-name = 'a b' must be 1 to 32 letters"),
        (["--client", "kiro", "--url", "tools.example.com"], "is no gateway's URL"),
        (["--client", "kiro", "--url", "http://tools.example.com/mcp"], "is no gateway's URL"),
        (["--client", "kiro", "--url", "https://[::1/mcp"], "is no gateway's URL"),
        (["--client", "kiro", "--url", 'https://a.example.com/"x'], "is no gateway's URL"),
        (["--client", "kiro", "--url", "https://tools.example.com/mcp"], "give it with --region"),
        (["--client", "claude-desktop", "--url", URL, "--write"], "Claude Desktop has no file in a project"),
        (["--write", "."], "Say which client with --client"),
        (["--client", "kiro", "--url", URL, "--target", "1/2"], "so that --target does not go with it"),
        (["--client", "kiro", "--url", URL, "--local"], "so that --local does not go with it"),
        (["--client", "kiro", "--local", "--client-profile", "agent"], "--local has a profile of its own"),
        (
            ["--client", "kiro", "--url", URL, "--check", "--client-profile", "no-such"],
            "no AWS profile named 'no-such'",
        ),
        (["--client", "kiro", "--url", URL, "--write", "no/such/folder"], "'no/such/folder' is no folder"),
    ],
)
def test_bad_input_is_one_sentence(capsys: pytest.CaptureFixture[str], words: list[str], sentence: str) -> None:
    status, out, err = run(capsys, *words)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert sentence in err


def test_without_a_client_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--output", "json")
    assert (status, [client["name"] for client in json.loads(out)["clients"]]) == (0, list(clients.NAMES))


def test_a_url_is_written_where_the_project_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["--client", "vscode", "--url", URL, "--client-profile", "agent", "--write", str(tmp_path)]
    status, out, _ = run(capsys, *words, "--output", "json")
    found = json.loads(out)
    assert (status, found["client"], found["region"], found["target"]) == (0, "vscode", "eu-west-1", "")
    assert found["written"] == {str(tmp_path / ".vscode" / "mcp.json"): "written"}
    assert json.loads((tmp_path / ".vscode" / "mcp.json").read_text())["servers"]["mcp-runtime"]["args"] == PROXY_WORDS
    assert {"title", "language"} < set(found["steps"][0])
    assert next(step["command"] for step in found["steps"] if "command" in step).endswith("--profile agent")

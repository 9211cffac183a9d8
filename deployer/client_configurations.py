"""What makes each client call the gateway: files, commands and programs; pure.

No client signs for AWS itself, so each starts `mcp-proxy-for-aws` as an MCP server of standard input and output, or,
being Python, uses its client. No text holds a credential: a profile is named at most. Sources: README of
mcp-proxy-for-aws 1.7.0 for its options; the page of each client, `Client.source`, for its file and form.
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from deployer import client_scripts
from deployer.errors import UsageError
from generator.serving import GATEWAY_SIGNING_NAME

PROXY: Final = "mcp-proxy-for-aws"
SERVER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
"""Names that every client takes; they become part of what its model calls the tools."""

Language = Literal["json", "python", "shell", "text"]


@dataclass(frozen=True)
class Gateway:
    """The gateway as a client needs it.

    `profile` is the AWS profile to sign with, empty for whatever the client's environment has, and `credentials` the
    file that it stands in, empty for the usual one. `account` and `policy` (the ARN of the policy that lets callers in)
    are empty where they are not known. `versions` are the exact versions of packages by name. `uvx` is where uv's tool
    runner lies on this machine, its bare name where that is not known.
    """

    url: str
    region: str
    name: str
    versions: Mapping[str, str]
    account: str = ""
    policy: str = ""
    profile: str = ""
    credentials: str = ""
    uvx: str = "uvx"

    @property
    def environment(self) -> dict[str, str]:
        """What a client's process needs in its environment.

        The proxy wants a Region beside `--region`: that of the profile, else of AWS_REGION, else of an AWS host name
        (its `determine_aws_region`); any other address needs the variable. AWS_SHARED_CREDENTIALS_FILE is of the AWS
        CLI user guide, "Configuration and credential file settings".
        """
        found = {"AWS_SHARED_CREDENTIALS_FILE": self.credentials} if self.credentials else {}
        if not (urlsplit(self.url).hostname or "").endswith(f".{self.region}.amazonaws.com"):
            found["AWS_REGION"] = self.region
        return found

    def pinned(self, package: str) -> str:
        """Returns the package with its exact version as a requirement."""
        return f"{package}=={self.versions[package]}"

    @property
    def signer(self) -> str:
        """Who signs, for a sentence."""
        return f"the profile {self.profile}" if self.profile else "whom boto3's own search for credentials finds"

    @property
    def proxy(self) -> list[str]:
        """The command that runs the proxy, as words."""
        words = [
            "uvx",
            f"{PROXY}@{self.versions[PROXY]}",
            self.url,
            "--service",
            GATEWAY_SIGNING_NAME,
            "--region",
            self.region,
        ]
        return [*words, "--profile", self.profile] if self.profile else words


@dataclass(frozen=True)
class Step:
    """One thing to do: `text` goes to `file`, or is a command or plain words, as `language` says.

    `configures` says that a file that is written instead makes the step needless.
    """

    title: str
    text: str
    language: Language
    file: str = ""
    configures: bool = False

    def as_data(self) -> dict[str, Any]:
        """Returns the step as plain data; a command stands under `command`."""
        if self.language == "shell":
            return {"title": self.title, "command": self.text, "language": self.language}
        return {"title": self.title, **({"file": self.file} if self.file else {}), "text": self.text} | {
            "language": self.language
        }


@dataclass(frozen=True)
class Client:
    """A client: how it is named, where its form is documented, and what to do for it.

    `file` is where its configuration or program goes, below the project's folder, or empty; `key` is the object of the
    file that holds the servers, empty where the file is a program. `elsewhere` are files outside of a project. `named`
    is what the client calls a tool, and `longest` how many characters of that it takes; 0 where no bound is known.
    A client of a `desktop` is started with a PATH of its own, so that it needs the whole path of what it starts
    (modelcontextprotocol/servers#760).
    """

    name: str
    title: str
    source: str
    make: Callable[["Client", Gateway], list[Step]]
    file: str = ""
    key: str = ""
    typed: bool = False
    elsewhere: str = ""
    check: str = ""
    command: str = ""
    named: str = ""
    longest: int = 0
    desktop: bool = False

    def left_out(self, gateway: Gateway, tools: Sequence[str]) -> list[str]:
        """Returns the tools whose names are too long for the client, the server's name being part of them."""
        if not self.longest:
            return []
        return [tool for tool in tools if len(self.named.format(server=gateway.name, tool=tool)) > self.longest]

    def entry(self, gateway: Gateway) -> dict[str, Any]:
        """Returns the server's entry in the client's file."""
        command, *arguments = gateway.proxy
        if self.desktop:
            command = gateway.uvx
        kind = {"type": "stdio"} if self.typed else {}
        environment = {"env": gateway.environment} if gateway.environment else {}
        return {**kind, "command": command, "args": arguments, **environment}

    def text(self, gateway: Gateway) -> str:
        """Returns the whole file of the client, as it is where there is none yet."""
        if self.key:
            return json.dumps({self.key: {gateway.name: self.entry(gateway)}}, indent=2) + "\n"
        return next(step.text for step in self.make(self, gateway) if step.file)


def named(name: str) -> Client:
    """Returns the client of that name; raises UsageError that names all where there is none."""
    for client in CLIENTS:
        if client.name == name:
            return client
    raise UsageError(f"--client = {name!r} is no client that is known here; choose {', '.join(NAMES)}.")


def steps(client: Client, gateway: Gateway) -> list[Step]:
    """Returns everything to do, in its order: what is needed first, the configuration, the check."""
    return [*_needed(gateway), *client.make(client, gateway)]


def checked_name(name: str) -> str:
    """Returns the server's name; raises UsageError for one that a client may not take."""
    if not SERVER_NAME.fullmatch(name):
        raise UsageError(
            f"--server-name = {name!r} must be 1 to 32 letters, digits, hyphens and underscores, with no hyphen or"
            " underscore in front."
        )
    return name


def _needed(gateway: Gateway) -> list[Step]:
    whose = f" of account {gateway.account}" if gateway.account else ""
    policy = f"the policy {gateway.policy}" if gateway.policy else "the policy in the stack's output CallerPolicyArn"
    if gateway.credentials:
        return [
            Step(
                "Credentials",
                f"They are there: the profile {gateway.profile} in {gateway.credentials}, of the AWS of this machine."
                " Its ports change whenever it is started: run connect again then.",
                "text",
            )
        ]
    option = f" --profile {shlex.quote(gateway.profile)}" if gateway.profile else ""
    return [
        Step("Credentials", f"The client signs as an IAM role or user{whose} that has {policy}. Who it is:", "text"),
        Step("Show who signs", f"aws sts get-caller-identity{option}", "shell"),
    ]


def _prepared(gateway: Gateway) -> Step:
    return Step(
        "Fetch the proxy once (uv must be installed): clients do not wait for a first download",
        shlex.join([*gateway.proxy[:2], "--help"]),
        "shell",
    )


def _configured(client: Client, gateway: Gateway) -> list[Step]:
    where = client.file or client.elsewhere
    found = [_prepared(gateway)]
    if client.command:
        options = [word for name, value in gateway.environment.items() for word in ("--env", f"{name}={value}")]
        words = [*client.command.split(), *options, "--transport", "stdio", gateway.name, "--", *gateway.proxy]
        found.append(Step("Add the server", shlex.join(words), "shell", configures=True))
    title = "Or put into the file" if client.command else "Put into the file"
    if client.file and client.elsewhere:
        title += f" (of all projects: {client.elsewhere})"
    found.append(Step(title, client.text(gateway), "json", where, configures=True))
    found.append(Step("Look whether it is connected", client.check, "text"))
    return found


def _started(client: Client, gateway: Gateway) -> list[Step]:
    command, *arguments = gateway.proxy
    entry = {"command": command, "args": arguments} | ({"env": gateway.environment} if gateway.environment else {})
    return [
        _prepared(gateway),
        Step(
            "What a client starts; it speaks MCP on standard input and output", _shell(gateway, gateway.proxy), "shell"
        ),
        Step(
            "The same for a client whose file has mcpServers",
            json.dumps({"mcpServers": {gateway.name: entry}}, indent=2) + "\n",
            "json",
        ),
    ]


def _programmed(program: Callable[..., str], *packages: str) -> Callable[[Client, Gateway], list[Step]]:
    """Returns what makes the steps of a program that needs `packages` of the lock."""

    def make(client: Client, gateway: Gateway) -> list[Step]:
        dependencies = [gateway.pinned(package) for package in packages]
        text = program(gateway.url, gateway.region, gateway.profile, GATEWAY_SIGNING_NAME, dependencies)
        run = ["uv", "run", client.file]
        call = [*run, "mcp___echo", '{"message": "hello"}']
        return [
            Step("Write the program", text, "python", client.file, configures=True),
            Step("List the tools (uv fetches what the program names)", _shell(gateway, run), "shell"),
            Step("Call one, such as echo", _shell(gateway, call), "shell"),
        ]

    return make


def _shell(gateway: Gateway, words: Sequence[str]) -> str:
    """Returns a command for a shell, with the environment that it needs in front."""
    return " ".join(
        [*(f"{name}={shlex.quote(value)}" for name, value in gateway.environment.items()), shlex.join(words)]
    )


CLIENTS: Final = (
    Client(
        "claude-code",
        "Claude Code",
        "https://code.claude.com/docs/en/mcp",
        _configured,
        file=".mcp.json",
        key="mcpServers",
        typed=True,
        check="`claude mcp list` says whether it is; a server of a project's file is approved when it is first used.",
        command="claude mcp add --scope project",
        # anthropics/claude-code#22276
        named="mcp__{server}__{tool}",
        longest=64,
    ),
    Client(
        "claude-desktop",
        "Claude Desktop",
        "https://modelcontextprotocol.io/docs/develop/connect-local-servers",
        _configured,
        key="mcpServers",
        elsewhere="~/Library/Application Support/Claude/claude_desktop_config.json on macOS,"
        " %APPDATA%\\Claude\\claude_desktop_config.json on Windows",
        check="End Claude Desktop and start it again; Settings → Developer lists the server. Where it says that uvx is"
        " not found, give its whole path as the command: a desktop's programs do not see the PATH of a shell.",
        desktop=True,
    ),
    Client(
        "cursor",
        "Cursor",
        "https://cursor.com/docs/mcp",
        _configured,
        file=".cursor/mcp.json",
        key="mcpServers",
        typed=True,
        elsewhere="~/.cursor/mcp.json",
        # ComposioHQ/composio#2788, PostHog/posthog#51483: 60 characters together are left out
        named="{server}{tool}",
        longest=59,
        check="Cursor's settings list the server with its tools; its output MCP Logs says why one does not start.",
    ),
    Client(
        "vscode",
        "VS Code",
        "https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
        _configured,
        file=".vscode/mcp.json",
        key="servers",
        typed=True,
        check="The command MCP: List Servers starts the server and shows its output.",
    ),
    Client(
        "kiro",
        "Kiro",
        "https://kiro.dev/docs/mcp/configuration",
        _configured,
        file=".kiro/settings/mcp.json",
        key="mcpServers",
        elsewhere="~/.kiro/settings/mcp.json",
        check="Kiro's MCP panel, or /mcp in its command line, lists the server with its tools.",
    ),
    Client(
        "strands",
        "Strands Agents",
        "https://strandsagents.com/docs/user-guide/concepts/tools/mcp-tools/",
        _programmed(client_scripts.strands, PROXY),
        file="strands_tools.py",
    ),
    Client(
        "langgraph",
        "LangGraph",
        "https://reference.langchain.com/python/langchain_mcp_adapters",
        _programmed(client_scripts.langgraph, PROXY),
        file="langgraph_tools.py",
    ),
    Client(
        "python",
        "Python with boto3's signer",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html",
        _programmed(client_scripts.plain, "boto3", "httpx2", "mcp"),
        file="gateway_tools.py",
    ),
    Client(
        "mcp-proxy-for-aws",
        "mcp-proxy-for-aws, for any other client",
        "https://github.com/aws/mcp-proxy-for-aws",
        _started,
    ),
)
NAMES: Final = tuple(client.name for client in CLIENTS)

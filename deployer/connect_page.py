"""The page that says how each client is connected, made of what `connect` prints."""

import shlex
from typing import Final

from deployer import client_scripts
from deployer.client_configurations import CLIENTS, PROXY, Client, Gateway
from deployer.client_versions import versions
from deployer.reference.markdown import code, table

PLACE: Final = "docs/how-to/connect-a-client.md"
URL: Final = "https://mcp-runtime-0123456789.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp"
"""An address as AWS gives it, of a gateway that is nobody's."""
PROGRAM_VARIABLE: Final = "CLAUDE_CODE_PROGRAM"
FRAMEWORKS_VARIABLE: Final = "AGENT_FRAMEWORKS_PYTHON"
"""What names, to the tests, clients that are too large to be installed for them."""
_OPTIONS: Final = (
    (
        "`--client-profile NAME`",
        "the AWS profile that the client signs with; without it that of `--profile` or `AWS_PROFILE`",
    ),
    (
        "`--url URL`",
        "the gateway's address, for somebody who may only call it, or who launched a product (the output `GatewayUrl`)",
    ),
    (
        "`--check`",
        "lists the gateway's tools as the client would before anything is written; status 1 where it is not let in",
    ),
    (
        "`--server-name NAME`",
        "what the client calls the gateway; part of the tools' names, and `--check` tells those that get too long",
    ),
    (
        "`--output json`",
        "as JSON: `client`, `target`, `url`, `region`, `server_name`, `tools`, `tools_left_out`, `steps`, `written`",
    ),
)
_FRAMEWORKS: Final = {"strands": (client_scripts.STRANDS,), "langgraph": client_scripts.LANGGRAPH}


def page() -> str:
    """Returns the text of the page."""
    gateway = Gateway(URL, "us-east-1", "mcp-runtime", versions(), profile="agent")
    sections = "\n".join(_section(client, gateway) for client in CLIENTS)
    rows = [
        (f"[{client.title}](#{client.name})", code(client.file) or _elsewhere(client), *_evidence(client))
        for client in CLIENTS
    ]
    return f"""\
# Connect a client

An agent calls the gateway with IAM credentials and Signature Version 4, which no MCP client signs by itself. `connect`
prints what makes a client do so: what it needs, the file or the command, and how to see that it works. Without
`--client` it lists the clients.

<!-- run -->
```sh
python build.py connect
```

It reads the gateway's address from the deployed stack. `--target ACCOUNT/REGION` chooses one of several.

<!-- run with --local -->
```sh
python build.py connect --client cursor
```

`--write [FOLDER]` writes the client's file of a project instead: other servers in it stay, and a file that is not JSON
is refused as it is.

<!-- run with --local -->
```sh
python build.py connect --client cursor --check --write .
```

{table(("option", "means"), _OPTIONS)}

Whoever signs needs the policy that the stack's output `CallerPolicyArn` names, and with
[`[[access]]`](../reference/configuration.md#access) a grant of the tools; `aws sts get-caller-identity --profile NAME`
says who it is. What a desktop starts does not see the variables of a shell: name a profile. The gateway answers on the
internet also where the load balancer is [private](private-exposure.md): IAM is what it asks for. No configuration holds
a credential. With `--local` the gateway is the one of this machine, and the key to it lies in a credentials file in the
emulator's folder.

All but the programs start `{gateway.proxy[1]}` with `uvx`, which comes with [uv](https://docs.astral.sh/uv/).
Clients do not wait for a first download, so run `uvx {gateway.proxy[1]} --help` once.

## What is shown by what

{table(("client", "where it goes", "what the tests do", "evidence"), rows)}

*Called*: the program, or `{PROXY}` as the lock has it, really ran and called the server's tools through the local
gateway, a stand-in that checks each signature. *Cited*: the client that reads the file was not run. [The client
matrix](../client-matrix.md) says what the proxy passes on. The tests run the large clients where `{PROGRAM_VARIABLE}`
names Claude Code's program and `{FRAMEWORKS_VARIABLE}` a Python that has the frameworks:
`python -m pytest tests/end_to_end/test_local_deployment.py`.

`python build.py generate` makes this page; the addresses in it are placeholders.

{sections}"""


def _elsewhere(client: Client) -> str:
    return "a file outside of projects" if client.elsewhere else "any client"


def _evidence(client: Client) -> tuple[str, str]:
    """Returns what the tests do with a client's text, and what class of evidence that is."""
    source = f"[documentation]({client.source})"
    started = "the server is started as the file says and a tool called"
    if client.name == "claude-code":
        runs = "where Claude Code is (2.1.330 was) it takes the command, writes the same file and connects"
        return f"{started}; {runs}; {source}", "called"
    if client.key:
        return f"{started}; where the file lies and its form: {source}", "called, cited"
    if client.name in _FRAMEWORKS:
        versions = " and ".join(_FRAMEWORKS[client.name])
        held = f"elsewhere its call of `{PROXY}` is held against that package"
        return f"the program is run where there is {versions}; {held}; {source}", "called"
    if client.name == PROXY:
        return f"the same command as in the files, which is started; {source}", "called"
    return f"the program is run as it is written and a tool called; {source}", "called"


def _section(client: Client, gateway: Gateway) -> str:
    lines = [f"## {client.name}", "", f"{client.title}.", ""]
    prepared = shlex.join([*gateway.proxy[:2], "--help"])
    for step in client.make(client, gateway):
        if step.text == prepared:
            continue
        if step.language == "text":
            lines += [f"{step.title}: {step.text}", ""]
        else:
            place = f": {code(step.file) if step.file == client.file else step.file}" if step.file else ""
            language = "text" if step.language == "shell" else step.language
            lines += [f"{step.title}{place}", "", f"```{language}", step.text.rstrip("\n"), "```", ""]
    return "\n".join(lines)

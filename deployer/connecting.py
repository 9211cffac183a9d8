"""`connect`: which gateway a client is to call and as whom, what that makes of the client's configuration, and where it
is written.
"""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from deployer import client_configurations as clients
from deployer import local, project_files
from deployer.client_configurations import Client, Gateway, Step
from deployer.client_versions import versions
from deployer.connection_check import usable_tools
from deployer.context import Context
from deployer.errors import RefusedError, UsageError
from deployer.invocation import reached
from deployer.mcp_client import mcp_url

PROJECT: Final = "mcp-runtime"
"""What a gateway is called of which nothing but the address is known."""
LOCAL_PROFILE: Final = "mcp-runtime-local"
"""The profile of the emulated AWS, in a credentials file of its own in the emulator's folder."""
_HOST: Final = re.compile(r"[0-9a-z-]+\.gateway\.bedrock-agentcore\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


Found = tuple[Gateway, str]
"""A gateway and its target."""


@dataclass(frozen=True)
class Connection:
    """What to do so that a client calls a gateway; `target` is account/Region, empty where only a URL was given.

    `tools` are those that the gateway listed for the client's credentials, None where it was not asked. `written` says
    what became of the client's file, by its path; empty where nothing was to be written.
    """

    client: Client
    gateway: Gateway
    target: str
    tools: Sequence[str] | None
    written: Mapping[str, str]

    @property
    def steps(self) -> list[Step]:
        """Everything to do, in its order."""
        return clients.steps(self.client, self.gateway)

    @property
    def left_out(self) -> list[str]:
        """The tools whose names are too long for the client; none where the gateway was not asked."""
        return self.client.left_out(self.gateway, self.tools or ())

    def as_data(self) -> dict[str, Any]:
        """Returns the connection as plain data."""
        return {
            "client": self.client.name,
            "target": self.target,
            "url": self.gateway.url,
            "region": self.gateway.region,
            "server_name": self.gateway.name,
            "tools_left_out": self.left_out,
            "tools": None if self.tools is None else list(self.tools),
            "steps": [step.as_data() for step in self.steps],
            "written": dict(self.written),
        }

    def lines(self) -> list[str]:
        """Returns the connection as people read it, what is to be copied without indentation; of a file that was
        written what became of it, and what is left to do.
        """
        found = [f"{self.client.title} → {self.gateway.url}"]
        if self.tools is not None:
            found.append(f"The gateway lists {len(self.tools)} tools for {self.gateway.signer}.")
        if self.left_out:
            found.append(
                f"{self.client.title} takes no more than {self.client.longest} characters of a tool's name with the"
                f" server's: {', '.join(self.left_out)} would be missing; give a shorter --server-name."
            )
        found += [f"{file}: {outcome}" for file, outcome in self.written.items()]
        left = [step for step in self.steps if not (self.written and step.configures)]
        for number, step in enumerate(left, 1):
            place = f": {step.file}" if step.file else ""
            found += ["", f"{number}. {step.title}{place}", "", *step.text.splitlines()]
        return found


@dataclass(frozen=True)
class Wish:
    """What `connect` was asked for: names as they were given, empty where they were not; `folder` is None to print."""

    client: str
    target: str = ""
    url: str = ""
    region: str = ""
    profile: str = ""
    name: str = ""
    folder: Path | None = None
    local: bool = False
    check: bool = False

    def checked(self) -> Client:
        """Returns the client; raises UsageError for what is wrong without asking AWS."""
        if not self.client:
            raise UsageError("Say which client with --client; `python build.py connect` lists them.")
        client = clients.named(self.client)
        if self.name:
            clients.checked_name(self.name)
        if self.url and (self.target or self.local):
            other = "--target" if self.target else "--local"
            raise UsageError(f"--url is the gateway itself, so that {other} does not go with it; leave one out.")
        if self.local and self.profile:
            raise UsageError("--local has a profile of its own, so that --client-profile does not go with it.")
        if self.folder is not None:
            writable(client, self.folder)
        return client


def connect(
    wish: Wish, deployed: Callable[[Callable[[Context], tuple[Gateway, str]]], tuple[Gateway, str]]
) -> Connection:
    """Returns what connects the client; with `wish.check` only if the gateway lets it in, and written where it says.

    `deployed` runs a function with everything that reaches AWS. Raises UsageError, RefusedError and Unreachable, after
    which nothing was written.
    """
    client = wish.checked()
    if wish.url:
        gateway, target = known_gateway(wish.url, wish.region, wish.name or PROJECT, wish.profile), ""
    else:
        gateway, target = deployed(lambda context: deployed_gateway(context, wish.target, wish.name, wish.profile))
    tools = usable_tools(gateway) if wish.check else None
    written = write(client, gateway, wish.folder) if wish.folder is not None else {}
    return Connection(client, gateway, target, tools, written)


def listed() -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """Returns the clients that there are, as plain data and as rows of name, client and file."""
    rows = [(client.name, client.title, client.file or client.elsewhere) for client in clients.CLIENTS]
    return {"clients": [{"name": name, "title": title, "file": file} for name, title, file in rows]}, rows


def known_gateway(url: str, region: str, name: str, profile: str) -> Gateway:
    """Returns a gateway by its URL alone, for people who may call it and read nothing of its stack.

    The Region is the one in an AWS host name, else `region`. Raises UsageError where the URL is no gateway's or the
    Region is not known.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    plain = bool(host) and parts.scheme == "http" and host in _LOOPBACK
    if not host or not (parts.scheme == "https" or plain) or re.search(r"[\s\"'$`\\]", url):
        raise UsageError(f"--url = {url!r} is no gateway's URL; give the stack's output GatewayUrl, https://….")
    found = _HOST.fullmatch(host)
    where = found[1] if found else region
    if not where:
        raise UsageError(f"The Region of {host} is not in its name; give it with --region.")
    return Gateway(mcp_url(url.rstrip("/")), where, name, versions(), profile=profile, uvx=_uvx())


def deployed_gateway(context: Context, target: str, name: str, profile: str) -> Found:
    """Returns the gateway of one target by its stack's outputs, and the target as account/Region.

    `target` is account/Region, empty where there is only one; `name` is empty for the runtime's own. In local mode the
    gateway is the emulator's on loopback, and the emulator's key lies in a credentials file of the emulator's folder,
    not in what is printed. Raises UsageError where the target is not clear, RefusedError where it has no gateway.
    """
    runtime = reached(context, target)
    url = mcp_url(runtime.outputs["GatewayUrl"])
    credentials = ""
    if context.local:
        emulator = local.running(local.state_folder())
        if emulator is None:
            raise RefusedError("The AWS of this machine has ended meanwhile; run the command again.")
        url = f"{emulator.gateways}/gateways/{runtime.outputs['GatewayId']}/mcp"
        profile = LOCAL_PROFILE
        file = local.state_folder().resolve() / "credentials"
        project_files.write(file, _credentials(runtime.account, emulator.secret_access_key), 0o600)
        credentials = str(file)
    gateway = Gateway(
        url=url,
        region=runtime.region,
        name=name or context.settings.runtime.name,
        versions=versions(),
        account=runtime.account,
        policy=runtime.outputs.get("CallerPolicyArn", ""),
        profile=profile,
        credentials=credentials,
        uvx=_uvx(),
    )
    return gateway, f"{runtime.account}/{runtime.region}"


def write(client: Client, gateway: Gateway, folder: Path) -> dict[str, str]:
    """Writes the client's file below a project's folder, other servers staying; returns what became of it by its path.

    Raises UsageError, nothing being changed, where the file is not what it should be.
    """
    file = folder / client.file
    if client.key:
        return {str(file): project_files.add_server(file, client.key, gateway.name, client.entry(gateway))}
    return {str(file): project_files.add_program(file, client.text(gateway))}


def writable(client: Client, folder: Path) -> None:
    """Raises UsageError where the client has no file of a project, or there is no such folder."""
    if not client.file:
        names = ", ".join(one.name for one in clients.CLIENTS if one.file)
        raise UsageError(f"{client.title} has no file in a project, so that --write does not go with it: {names} do.")
    if not folder.is_dir():
        raise UsageError(f"--write = '{folder}' is no folder; name the project's, or make it first.")


def _uvx() -> str:
    return shutil.which("uvx") or "uvx"


def _credentials(account: str, secret: str) -> str:
    return f"[{LOCAL_PROFILE}]\naws_access_key_id = {account}\naws_secret_access_key = {secret}\n"

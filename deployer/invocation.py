"""Calling one tool through the gateway, as an agent would."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer import mcp_client, runtimes
from deployer.context import Context
from deployer.errors import RefusedError, UsageError
from deployer.policy_engine import DENIED
from deployer.runtimes import Runtime

SEPARATOR = "___"
"""Stands between the target's and the tool's name (AgentCore developer guide)."""


@dataclass(frozen=True)
class Answer:
    """What the tool answered: as text, as structured content where it has some, and whether it reports an error."""

    tool: str
    text: str
    structured: Mapping[str, Any] | None
    is_error: bool

    def as_data(self) -> dict[str, Any]:
        """Returns the answer as plain data."""
        return {"tool": self.tool, "text": self.text, "structured": self.structured, "is_error": self.is_error}


def arguments_of(words: Sequence[str]) -> dict[str, Any]:
    """Returns a tool's arguments from the command line: one JSON object, or name=value words.

    A value is taken as JSON where it is JSON, so count=3 is a number, and as text elsewhere. Raises UsageError where a
    word is neither.
    """
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        try:
            found = json.loads(words[0])
        except json.JSONDecodeError as error:
            raise UsageError(f"The tool's arguments are not valid JSON: {error}.") from error
        return dict(found)
    arguments: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{word!r} is no argument; write name=value, or one JSON object.")
        if name in arguments:
            raise UsageError(f"The argument {name} is given twice.")
        arguments[name] = _value(value)
    return arguments


def invoke(context: Context, tool: str, arguments: Mapping[str, Any], target: str) -> Answer:
    """Calls `tool` of one runtime through its gateway; `target` is account/Region, empty where there is only one.

    Raises UsageError where the target is not clear, RefusedError where the gateway refuses or knows no such tool.
    """
    runtime = reached(context, target)
    name = f"{runtime.outputs['GatewayTargetName']}{SEPARATOR}{tool}"
    auth = mcp_client.Signed(context.aws.credentials(runtime.account), runtime.region)
    url = mcp_client.mcp_url(runtime.outputs["GatewayUrl"])
    try:
        result = mcp_client.call_tool(context.network, url, auth, name, arguments)
    except mcp_client.McpRefused as error:
        known = {found.name for found in mcp_client.list_tools(context.network, url, auth)}
        if name in known or DENIED in str(error):
            raise
        prefix = name.removesuffix(tool)
        tools = ", ".join(sorted(found.removeprefix(prefix) for found in known if found.startswith(prefix)))
        raise RefusedError(
            f"The runtime of {runtime.account} {runtime.region} has no tool {tool}; its tools are {tools or 'none'}."
        ) from error
    return Answer(tool, result.text, result.structured, result.failed)


def reached(context: Context, target: str) -> Runtime:
    """Returns the runtime that `target` names, or the only one, with a gateway that can be called.

    Raises UsageError where the target is not clear, RefusedError where its gateway cannot be called yet.
    """
    sets = context.stack_sets
    runtime = chosen(runtimes.read(context.aws, sets.listed()) if sets.describe() else [], target)
    if not runtime.outputs.get("GatewayUrl") or not runtime.outputs.get("GatewayTargetId"):
        missing = runtime.outputs.get("MissingSettings") or "deploy it first."
        raise RefusedError(f"The runtime of {runtime.account} {runtime.region} cannot be called: {missing}")
    return runtime


def chosen(found: Sequence[Runtime], target: str) -> Runtime:
    """Returns the runtime that `target` names, or the only one; raises UsageError where that is not clear."""
    readable = {f"{runtime.account}/{runtime.region}": runtime for runtime in found if runtime.readable}
    if target and readable:
        if target not in readable:
            names = ", ".join(sorted(readable))
            raise UsageError(f"There is no target {target} that these credentials reach; there are: {names}.")
        return readable[target]
    if not readable:
        raise UsageError("There is no runtime that these credentials reach; deploy one, or choose another profile.")
    if len(readable) != 1:
        names = ", ".join(sorted(readable))
        raise UsageError(f"Say which target to call with --target; these credentials reach: {names}.")
    return next(iter(readable.values()))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text

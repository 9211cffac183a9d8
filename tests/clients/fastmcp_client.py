"""Calls with FastMCP's own client and returns what came of each feature."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from mcp_types import PromptReference, TextContent

from tests.clients.matrix import LISTED

CALL_SECONDS = 30
LOG_LEVEL = {"io.modelcontextprotocol/logLevel": "info"}


async def attempted(features: Mapping[str, Callable[[], Awaitable[Any]]]) -> dict[str, Any]:
    """Return what each of `features` gives, or why it fails."""
    found: dict[str, Any] = {}
    for name, feature in features.items():
        try:
            found[name] = await asyncio.wait_for(feature(), CALL_SECONDS)
        except Exception as error:
            found[name] = f"failed: {type(error).__name__}: {error}"
    return found


async def text_of(client: Client[Any], tool: str, arguments: dict[str, Any] | None = None) -> str:
    """Return the text that `tool` answers with, an error's too."""
    result = await client.call_tool(tool, arguments, raise_on_error=False)
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


async def progress_of(client: Client[Any], tool: str, arguments: dict[str, Any]) -> list[float]:
    """Return the progress that `tool` reports."""
    steps: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    await client.call_tool(tool, arguments, progress_handler=note)
    return steps


async def answered(message: str, response_type: Any, params: Any, context: Any) -> ElicitResult[Any]:
    """Answer a form with some value for each field."""
    return ElicitResult(
        action="accept", content={name: f"some {name}" for name in params.requested_schema["properties"]}
    )


async def given_up(client: Client[Any], ends: Callable[[], bool]) -> str:
    """Call `test_waiting`, give up once it runs, and return whether it `ends` while the client stays connected."""
    runs = asyncio.Event()

    async def note(progress: float, total: float | None, message: str | None) -> None:
        runs.set()

    call = asyncio.create_task(client.call_tool("test_waiting", progress_handler=note))
    await runs.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    return "given up" + (", and the call has ended" if await asyncio.to_thread(ends) else "")


async def found(url: str, mode: Any, ends: Callable[[], bool]) -> dict[str, Any]:
    """Call the fixture server at `url` in `mode` (``legacy`` or a protocol version).

    `ends` waits for the end of the call of `test_waiting` that is given up, and says whether it came.
    """
    said: list[str] = []

    async def log(message: Any) -> None:
        said.append(message.data["msg"])

    async with Client(url, mode=mode, log_handler=log, elicitation_handler=answered) as client:

        async def listed() -> list[str]:
            names = {tool.name for tool in await client.list_tools()}
            return [name for name in LISTED if name in names]

        async def structured() -> Any:
            return (await client.call_tool("test_simple_text")).structured_content

        async def logged() -> list[str]:
            await client.call_tool("test_tool_with_logging", meta=LOG_LEVEL)
            return said

        async def read(uri: str) -> str:
            [contents] = await client.read_resource(uri)
            return str(getattr(contents, "text", ""))

        async def prompt() -> str:
            result = await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
            content = result.messages[0].content
            assert isinstance(content, TextContent)
            return content.text

        async def completed() -> list[str]:
            reference = PromptReference(name="test_prompt_with_arguments")
            completion = await client.complete(reference, {"name": "arg1", "value": "par"})
            return list(completion.values)

        return await attempted(
            {
                "list": listed,
                "call": lambda: text_of(client, "test_simple_text"),
                "structured output": structured,
                "error": lambda: text_of(client, "test_error_handling"),
                "progress": lambda: progress_of(client, "test_tool_with_progress", {}),
                "log": logged,
                "cancel": lambda: given_up(client, ends),
                "question": lambda: text_of(client, "test_input_required_result_multi_round"),
                "resource": lambda: read("test://static-text"),
                "resource template": lambda: read("test://template/7/data"),
                "prompt": prompt,
                "completion": completed,
            }
        )

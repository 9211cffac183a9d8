"""Tools that are held to their bounds, whichever way they are called.

A tool runs at most so many times at once, and for at most so many seconds. What blocks runs in a thread. A thread
cannot be stopped: a call that is over its time is answered, and its thread keeps the tool's place until it ends, so
that a tool that hangs takes the places of no other. There is no bound on all threads together: that one would let it.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn

import anyio
from fastmcp.exceptions import ToolError
from fastmcp.server.dependencies import without_injected_parameters
from fastmcp.tools.base import InputRequiredToolResult
from fastmcp.tools.function_tool import FunctionTool, _wrap_body_errors
from fastmcp.utilities.async_utils import is_coroutine_function
from fastmcp.utilities.types import get_cached_typeadapter
from mcp_types import InputRequiredResult
from pydantic import PrivateAttr, TypeAdapter
from pydantic_core import ArgsKwargs, CoreSchema, SchemaValidator

from server.worker_threads import ThreadTimeoutError, WorkerThreads


@dataclass(frozen=True)
class ToolBounds:
    """What one tool may take: seconds of one call, and calls at a time."""

    seconds: float | None
    concurrency: int


UNBOUNDED = ToolBounds(None, 2**31)


@dataclass(frozen=True)
class Outcome:
    """What a tool's function gave: its value, or what it raised."""

    value: Any = None
    error: Exception | None = None


replayed: ContextVar[Outcome | None] = ContextVar("replayed", default=None)
"""While set, a tool that is called gives this outcome instead of running."""


class ToolBusy(ToolError):
    """The tool runs as often as it may at a time."""


class ToolTimeout(ToolError):
    """The tool did not end in time."""


class FunctionCalls:
    """The calls of one tool's function.

    The function is wrapped exactly as FastMCP's own `FunctionTool.run` does, and its arguments are validated by the
    schema that FastMCP makes for it; here both are made once and not for each call.
    """

    def __init__(self, tool: FunctionTool) -> None:
        """Prepare the calls of `tool`, without bounds."""
        self.name = tool.name
        self.bounds = UNBOUNDED
        self.running = 0
        wrapper = without_injected_parameters(
            _wrap_body_errors(tool.fn, materialize_generators=True), run_in_thread=tool.run_in_thread
        )
        self._body = _wrap_body_errors(wrapper)
        self._in_thread = tool.run_in_thread and not is_coroutine_function(wrapper)
        adapter: TypeAdapter[Any] = get_cached_typeadapter(self._body)
        self._validator = SchemaValidator(_without_call(adapter.core_schema, self._body.__name__))

    def validated(self, arguments: dict[str, Any]) -> ArgsKwargs:
        """Return the arguments as the function takes them. Raises pydantic's ValidationError."""
        found: ArgsKwargs = self._validator.validate_python(arguments)
        return found

    async def execute(self, arguments: ArgsKwargs) -> Any:
        """Call the function within the tool's bounds and return its value; generators come back as lists.

        Raises ToolBusy, ToolTimeout, and whatever the function raises.
        """
        if self.running >= self.bounds.concurrency:
            raise ToolBusy(
                f"The tool {self.name} runs {self.bounds.concurrency} calls at a time and all are taken; "
                "try again in a second."
            )
        call = functools.partial(self._body, *arguments.args, **(arguments.kwargs or {}))
        try:
            value = await (self._in_a_thread(call) if self._in_thread else self._on_the_loop(call))
            return await FunctionTool._materialize_generator(value)
        except (SystemExit, KeyboardInterrupt) as error:
            # These would end the server, and with it the calls of all other tools.
            raise RuntimeError(f"the tool tried to end the process ({type(error).__name__})") from error

    async def _in_a_thread(self, call: Callable[[], Any]) -> Any:
        self.running += 1
        try:
            value = await WorkerThreads.of_running_loop().run(call, self._ended, self.bounds.seconds)
        except ThreadTimeoutError:
            self._give_up()
        if not inspect.isawaitable(value):
            return value
        return await self._on_the_loop(lambda: value)

    async def _on_the_loop(self, call: Callable[[], Any]) -> Any:
        with self._place(), anyio.move_on_after(self.bounds.seconds):
            value = call()
            if inspect.isawaitable(value):
                value = await value
            if inspect.isasyncgen(value):
                value = await FunctionTool._materialize_generator(value)
            return value
        return self._give_up()

    def _ended(self) -> None:
        self.running -= 1

    def _give_up(self) -> NoReturn:
        raise ToolTimeout(
            f"The tool {self.name} did not end within {self.bounds.seconds:g} seconds, which a call of it may take."
        )

    @contextmanager
    def _place(self) -> Iterator[None]:
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1


class BoundedTool(FunctionTool):
    """A function as a tool, within bounds."""

    _calls: FunctionCalls | None = PrivateAttr(default=None)
    _own_bounds: Mapping[str, float] = PrivateAttr(default_factory=dict)

    @property
    def calls(self) -> FunctionCalls:
        """The calls of the tool's function."""
        if self._calls is None:
            self._calls = FunctionCalls(self)
        return self._calls

    def bound(self, bounds: ToolBounds) -> None:
        """Hold the tool to `bounds` from now on, but for what its module says for itself."""
        own = self._own_bounds
        self.calls.bounds = ToolBounds(
            own.get("seconds", bounds.seconds), int(own.get("concurrency", bounds.concurrency))
        )

    def bound_by_its_module(self, own: Mapping[str, float]) -> None:
        """Take the bounds, by `ToolBounds`'s names, that stand beside the tool's function."""
        self._own_bounds = own

    async def run(self, arguments: dict[str, Any]) -> Any:
        """Run the tool as FastMCP does, or give the outcome that is `replayed`."""
        outcome = replayed.get()
        if outcome is None:
            return await super().run(arguments)
        if outcome.error is not None:
            raise outcome.error
        if isinstance(outcome.value, InputRequiredResult):
            return InputRequiredToolResult(outcome.value)
        return self.convert_result(outcome.value)

    async def _execute(
        self,
        type_adapter: TypeAdapter[Any],
        exec_is_async: bool,
        arguments: dict[str, Any],
        *,
        strict: bool | None = None,
    ) -> Any:
        # FastMCP's own way in: the same bounds hold.
        return await self.calls.execute(self.calls.validated(arguments))


def _without_call(schema: CoreSchema, name: str) -> CoreSchema:
    """Return a function's schema with its arguments as the result, in place of the function's."""
    if schema["type"] == "definitions":
        return {**schema, "schema": _without_call(schema["schema"], name)}
    if schema["type"] != "call":
        raise TypeError(f"pydantic describes a function by a schema of type {schema['type']} and not by a call.")

    def taken(*args: Any, **kwargs: Any) -> ArgsKwargs:
        return ArgsKwargs(args, kwargs)

    # What pydantic says of wrong arguments names the function.
    return {"type": "call", "arguments_schema": schema["arguments_schema"], "function": taken, "function_name": name}

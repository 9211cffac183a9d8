"""Tools that are held to their bounds, whichever way they are called.

A tool runs at most so many times at once, and for at most so many seconds. What blocks runs in a thread. A thread cannot
be stopped: a call that is over its time is answered, and its thread keeps the tool's place until it ends, so that a tool
that hangs takes the places of no other. There is no bound on all threads together: that one would let it.
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

from server.worker_threads import ThreadTimeoutError, worker_threads


@dataclass(frozen=True)
class ToolBounds:
    """What one tool may take: seconds of one call, and calls at a time."""

    seconds: float
    concurrency: int


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


class BoundedTool(FunctionTool):
    """A function as a tool, within `bounds`."""

    _bounds: ToolBounds | None = PrivateAttr(default=None)
    _own_bounds: Mapping[str, float] = PrivateAttr(default_factory=dict)
    _running: int = PrivateAttr(default=0)
    _arguments: SchemaValidator | None = PrivateAttr(default=None)
    _body: Callable[..., Any] = PrivateAttr()
    _in_thread: bool = PrivateAttr(default=True)

    def bound(self, bounds: ToolBounds) -> None:
        """Hold the tool to `bounds` from now on, but for what its module says for itself."""
        own = self._own_bounds
        self._bounds = ToolBounds(own.get("seconds", bounds.seconds), int(own.get("concurrency", bounds.concurrency)))

    def bound_by_its_module(self, own: Mapping[str, float]) -> None:
        """Take the bounds, by `ToolBounds`'s names, that stand beside the tool's function."""
        self._own_bounds = own

    def prepare(self) -> None:
        """Build what `validated` and `execute` need, once.

        The function is wrapped exactly as FastMCP's own `FunctionTool.run` does, and its arguments are validated by the
        schema that FastMCP makes for it.
        """
        wrapper = without_injected_parameters(
            _wrap_body_errors(self.fn, materialize_generators=True), run_in_thread=self.run_in_thread
        )
        self._body = _wrap_body_errors(wrapper)
        self._in_thread = self.run_in_thread and not is_coroutine_function(wrapper)
        adapter: TypeAdapter[Any] = get_cached_typeadapter(self._body)
        self._arguments = SchemaValidator(_without_call(adapter.core_schema, self._body.__name__))

    def validated(self, arguments: dict[str, Any]) -> ArgsKwargs:
        """Return the arguments as the function takes them. Raises pydantic's ValidationError."""
        if self._arguments is None:
            self.prepare()
        assert self._arguments is not None
        found: ArgsKwargs = self._arguments.validate_python(arguments)
        return found

    async def execute(self, arguments: ArgsKwargs) -> Any:
        """Call the function within the tool's bounds and return its value; generators come back as lists.

        Raises ToolBusy, ToolTimeout, and whatever the function raises.
        """
        call = functools.partial(self._body, *arguments.args, **(arguments.kwargs or {}))
        return await self._within_bounds(call, in_thread=self._in_thread)

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
        self, type_adapter: TypeAdapter[Any], exec_is_async: bool, arguments: dict[str, Any], *, strict: bool | None = None
    ) -> Any:
        # FastMCP's own way in: the same bounds hold.
        return await self.execute(self.validated(arguments))

    async def _within_bounds(self, call: Callable[[], Any], *, in_thread: bool) -> Any:
        bounds = self._bounds
        if bounds is not None and self._running >= bounds.concurrency:
            raise ToolBusy(
                f"The tool {self.name} runs {bounds.concurrency} calls at a time and all are taken; try again in a second."
            )
        seconds = None if bounds is None else bounds.seconds
        if in_thread:
            return await self._materialize_generator(await self._in_a_thread(call, seconds))
        with self._place():
            with anyio.move_on_after(seconds) as scope:
                value = call()
                if inspect.isawaitable(value):
                    value = await value
                return await self._materialize_generator(value)
        if scope.cancelled_caught:
            self._give_up(seconds)
        return None

    async def _in_a_thread(self, call: Callable[[], Any], seconds: float | None) -> Any:
        self._running += 1

        def ended() -> None:
            self._running -= 1

        try:
            value = await worker_threads().run(call, ended, seconds)
        except ThreadTimeoutError:
            self._give_up(seconds)
        if not inspect.isawaitable(value):
            return value
        with anyio.move_on_after(seconds):
            return await value
        return self._give_up(seconds)

    def _give_up(self, seconds: float | None) -> NoReturn:
        raise ToolTimeout(f"The tool {self.name} did not end within {seconds:g} seconds, which it may take.")

    @contextmanager
    def _place(self) -> Iterator[None]:
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


def _without_call(schema: CoreSchema, name: str) -> CoreSchema:
    """Return a function's schema with its arguments as the result, in place of the function's."""
    if schema["type"] == "definitions":
        return {**schema, "schema": _without_call(schema["schema"], name)}
    if schema["type"] != "call":
        raise TypeError(f"pydantic describes a function by a schema of type {schema['type']}, where a call was expected.")

    def taken(*args: Any, **kwargs: Any) -> ArgsKwargs:
        return ArgsKwargs(args, kwargs)

    # What pydantic says of wrong arguments names the function.
    return {"type": "call", "arguments_schema": schema["arguments_schema"], "function": taken, "function_name": name}

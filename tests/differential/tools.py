"""Tools of every kind that an author may write, for the comparison of the two ways to call them."""

import base64
import enum
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from fastmcp import Context
from fastmcp.dependencies import Depends
from fastmcp.exceptions import NotFoundError, ToolError
from fastmcp.server.dependencies import get_context, get_http_headers
from fastmcp.tools.base import ToolResult
from fastmcp.utilities.types import Image
from mcp.shared.exceptions import MCPError
from mcp_types import (
    AudioContent,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel, Field
from typing_extensions import TypedDict


class Color(enum.Enum):
    """A color."""

    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    """A thing."""

    name: Annotated[str, Field(min_length=1, max_length=20)]
    price: Decimal = Decimal("1.50")
    tags: list[str] = []
    note: str | None = None


class Tree(BaseModel):
    """A thing that holds its like."""

    label: str
    children: list["Tree"] = []


@dataclass
class Point:
    """A place."""

    x: float
    y: float
    label: str | None = None


class Entry(TypedDict):
    """A line of a book."""

    key: str
    value: NotRequired[int | None]


def echo(message: Annotated[str, Field(description="Message to echo")]) -> str:
    """Give it back."""
    return message


async def add(left: int, right: int = 1) -> int:
    """Add."""
    return left + right


def divide(left: float, right: float) -> float:
    """Divide, which fails for some."""
    return left / right


def bounded(count: Annotated[int, Field(ge=1, le=10)], kind: Literal["a", "b"] = "a", color: Color = Color.RED) -> str:
    """Take bounded things."""
    return f"{count}{kind}{color.value}"


def item(thing: Item, more: list[Item] | None = None) -> Item:
    """Take and give a model."""
    return thing.model_copy(update={"tags": [*thing.tags, str(len(more or []))]})


async def tree(root: Tree) -> Tree:
    """Take and give a model that holds its like."""
    return root


def point(x: float, y: float = 0.5) -> Point:
    """Give a dataclass."""
    return Point(x, y)


def entry(key: str, value: int | None = None) -> Entry:
    """Give a typed dictionary."""
    return {"key": key, "value": value}


def loose(data: dict[str, Any]) -> dict[str, Any]:
    """Give back any object."""
    return data


def anything(data: Any = None) -> Any:
    """Give back anything."""
    return data


def numbers(count: int) -> list[int]:
    """Give a list."""
    return list(range(max(0, min(count, 50))))


def nothing() -> None:
    """Give nothing."""


def moments(day: date, moment: datetime | None = None) -> datetime:
    """Take and give dates."""
    return moment or datetime(day.year, day.month, day.day, tzinfo=UTC)


def identity(key: UUID) -> str:
    """Take a key."""
    return str(key)


def raw() -> bytes:
    """Give bytes."""
    return b"\x00\x01\xff"


def picture() -> Image:
    """Give a picture."""
    return Image(data=b"not really", format="png")


def blocks() -> list[Any]:
    """Give blocks of every kind."""
    data = base64.b64encode(b"data").decode()
    return [
        TextContent(type="text", text="text"),
        ImageContent(type="image", data=data, mime_type="image/png"),
        AudioContent(type="audio", data=data, mime_type="audio/wav"),
        ResourceLink(type="resource_link", uri="file:///a.txt", name="a"),
        EmbeddedResource(type="resource", resource=TextResourceContents(uri="file:///b.txt", text="b")),
        "plain",
        7,
    ]


def own_result(fail: bool = False) -> ToolResult:
    """Give a result that the tool made itself."""
    return ToolResult(content="said", structured_content={"a": None, "b": [1, None]}, meta={"m": 1}, is_error=fail)


def generated(count: int = 3) -> Iterator[int]:
    """Give a generator."""
    yield from range(min(count, 20))


async def generated_slowly(count: int = 2) -> AsyncIterator[str]:
    """Give an asynchronous generator."""
    for number in range(min(count, 20)):
        yield str(number)


def large(size: int = 10_000) -> dict[str, Any]:
    """Give a large answer."""
    return {"rows": [{"id": number, "text": "ä" * 10, "none": None} for number in range(min(size, 20_000) // 50)]}


def refuses(why: str) -> str:
    """Raise what agents shall see."""
    raise ToolError(why)


def breaks(kind: Literal["value", "key", "timeout", "mcp", "missing", "pydantic", "recursion", "exit"]) -> str:
    """Raise what agents shall not see."""
    match kind:
        case "value":
            raise ValueError("an inner secret")
        case "key":
            return dict[str, str]()["missing"]
        case "timeout":
            raise TimeoutError("too slow")
        case "mcp":
            raise MCPError(code=-32099, message="of the tool")
        case "missing":
            raise NotFoundError("not there")
        case "pydantic":
            Item.model_validate({"name": ""})
        case "recursion":
            raise RecursionError("deep")
        case "exit":
            raise RuntimeError("end")
    return kind


def odd(kind: Literal["nan", "infinity", "surrogate", "huge", "object"]) -> Any:
    """Give what JSON has no form for, or hardly."""
    return {
        "nan": float("nan"),
        "infinity": {"value": float("inf")},
        "surrogate": "\ud800",
        "huge": 10**400,
        "object": object,
    }[kind]


async def reports(ctx: Context, steps: int = 2) -> str:
    """Report progress and say something."""
    for step in range(min(steps, 5)):
        await ctx.report_progress(step, steps, f"step {step}")
        await ctx.info(f"at {step}")
    return f"{steps} for {ctx.request_id}"


async def knows(ctx: Context) -> dict[str, Any]:
    """Tell what the tool knows of its request."""
    request = ctx.request_context
    parameters = ctx.session.client_params
    return {
        "request_id": ctx.request_id,
        "client": parameters.client_info.name if parameters else None,
        "meta": request.meta if request else None,
        "version": request.protocol_version if request else None,
        "agent": get_http_headers().get("user-agent"),
    }


def knows_without_asking() -> str:
    """Ask for the context in a function that does not take it."""
    return get_context().request_id


def _configured() -> str:
    return "configured"


def depends(name: str, setting: str = Depends(_configured)) -> str:
    """Take what is injected."""
    return f"{name} {setting}"


async def asks(ctx: Context) -> str:
    """Ask the client."""
    answer = await ctx.elicit("Really?", response_type=str)
    return str(answer)


FUNCTIONS = (
    echo,
    add,
    divide,
    bounded,
    item,
    tree,
    point,
    entry,
    loose,
    anything,
    numbers,
    nothing,
    moments,
    identity,
    raw,
    picture,
    blocks,
    own_result,
    generated,
    generated_slowly,
    large,
    refuses,
    breaks,
    odd,
    reports,
    knows,
    knows_without_asking,
    depends,
    asks,
)

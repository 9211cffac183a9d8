"""Requests and replies of the data plane's own server, as its handlers see them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """A request, read whole: ``target`` is the raw path and query, header names are lower case."""

    method: str
    path: str
    query: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def host(self) -> str:
        """Return the host name asked for, without the port."""
        return self.headers.get("host", "").partition(":")[0].lower()


@dataclass(frozen=True)
class Reply:
    """An answer; an iterator as body is sent piece by piece."""

    status: int
    body: bytes | Iterator[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Reply | None]

"""Logs for a log service: one JSON object a line, whatever is logged, printed or raised."""

import asyncio
import io
import json
import logging
import sys
import threading
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import TextIO

from server.redaction import SecretFilter

LONGEST_LINE = 15_000
"""Characters of one line: container runtimes cut lines at 16 KiB, and then none of the parts is JSON."""

request_context: ContextVar[Mapping[str, str]] = ContextVar("request_context", default=MappingProxyType({}))
"""What every line of the current request carries (`server.request_facts.RequestFacts.fields`)."""

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}

# These libraries say on INFO, once a request, what one access line of ours says better.
_CHATTY_LOGGERS = ("mcp", "uvicorn.error", "sse_starlette", "httpx2", "httpcore2")


_secret_filter = SecretFilter()
_flushing: asyncio.AbstractEventLoop | None = None
_handler: "logging.StreamHandler[TextIO] | None" = None


class JsonFormatter(logging.Formatter):
    """Renders a record as one line of JSON and replaces every occurrence of a secret value."""

    def __init__(self, secret_values: Iterable[str] = ()) -> None:
        """Take the values that must never be written; those shorter than `SHORTEST_REDACTED` are ignored."""
        super().__init__()
        self._filter = SecretFilter(secret_values)

    def format(self, record: logging.LogRecord) -> str:
        """Return one line: time (UTC), level, logger, message, request fields, extra fields, exception."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            message = f"{record.msg} (with arguments that do not fit: {record.args!r})"
        entry: dict[str, object] = {
            "time": written_time(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": message,
            **request_context.get(),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD_FIELDS:
                entry.setdefault(name, value)
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        line = json.dumps(self._filter.plain(entry))
        return line if len(line) <= LONGEST_LINE else self._cut(entry, len(line))

    def _cut(self, entry: Mapping[str, object], length: int) -> str:
        kept = {name: entry[name] for name in ("time", "level", "logger") if name in entry}
        kept |= {name: str(value)[:256] for name, value in request_context.get().items()}
        # The end of an exception says what went wrong; one character may take six in JSON.
        texts = {"message": str(entry["message"])[:1000], "exception": str(entry.get("exception", ""))[-1000:]}
        return json.dumps(self._filter.plain({**kept, **texts, "cut": length}))


class LoggedStream(io.TextIOBase):
    """Stands in for standard output or error, so that what a tool prints becomes log lines."""

    def __init__(self, logger: logging.Logger, level: int) -> None:
        """Log each printed line to `logger` on `level`."""
        self._logger = logger
        self._level = level
        self._unfinished = ""
        self._lock = threading.RLock()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Log the lines that `text` completes, keep the rest, and return the number of characters taken."""
        with self._lock:
            *lines, self._unfinished = (self._unfinished + text).split("\n")
        for line in lines:
            if line.strip():
                self._logger.log(self._level, "%s", line)
        return len(text)


def configure_logging(level: str, secret_values: Collection[str] = (), stream: TextIO | None = None) -> None:
    """Send everything from `level` up to `stream` (default: the process's real standard output) as JSON lines.

    Standard output and error themselves, warnings and uncaught exceptions are logged too. May be called again to
    change the level and the secrets.
    """
    global _handler, _secret_filter
    handler = logging.StreamHandler(stream or sys.__stdout__)
    handler.setFormatter(JsonFormatter(secret_values))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    _handler, _secret_filter = handler, SecretFilter(secret_values)
    logging.captureWarnings(True)
    # A log line that cannot be written must not be reported through the streams that end here.
    logging.raiseExceptions = False
    quiet = level if level == "DEBUG" else max(logging.WARNING, logging.getLevelNamesMapping()[level])
    for name in _CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(quiet)
    if stream is None:
        sys.stdout = LoggedStream(logging.getLogger("stdout"), logging.INFO)
        sys.stderr = LoggedStream(logging.getLogger("stderr"), logging.WARNING)
        sys.excepthook = _log_uncaught


def secret_filter() -> SecretFilter:
    """Return what keeps secrets out of lines that are put together by hand."""
    return _secret_filter


def written_time(seconds: float) -> str:
    """Return a time in seconds from 1970 as log lines have it: UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def write_line(line: str) -> None:
    """Write one line that is JSON already where `configure_logging` sends the logs; nowhere before its first call.

    Like a log line that cannot be written, this one is lost without a word when the stream is gone.
    """
    handler = _handler
    if handler is None:
        return
    handler.acquire()
    try:
        handler.stream.write(line + "\n")
        _flush_soon(handler)
    except (OSError, ValueError):
        pass
    finally:
        handler.release()


def _flush_soon(handler: "logging.StreamHandler[TextIO]") -> None:
    """Flush once for all lines that are written while the event loop goes round, or at once where there is none."""
    global _flushing
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        handler.flush()
        return
    if _flushing is not loop:
        _flushing = loop
        loop.call_soon(_flush, handler)


def _flush(handler: "logging.StreamHandler[TextIO]") -> None:
    global _flushing
    _flushing = None
    with suppress(OSError, ValueError):
        handler.flush()


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("server").critical("The server failed unexpectedly.", exc_info=(kind, error, trace))

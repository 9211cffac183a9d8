"""Logs for a log service: one JSON object a line, whatever is logged, printed or raised."""

import io
import json
import logging
import math
import sys
import threading
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import TextIO

REDACTED = "[secret]"
SHORTEST_REDACTED = 4
"""Shorter values are left alone: replacing every "1" would make the logs unreadable and hide nothing."""

request_context: ContextVar[Mapping[str, str]] = ContextVar("request_context", default=MappingProxyType({}))
"""What every line of the current request carries: ``request_id``, and ``trace_id`` when the load balancer gave one."""

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}

# These libraries say on INFO, once a request, what one access line of ours says better.
_CHATTY_LOGGERS = ("mcp", "uvicorn.error", "sse_starlette", "httpx2", "httpcore2")


class JsonFormatter(logging.Formatter):
    """Renders a record as one line of JSON and replaces every occurrence of a secret value."""

    def __init__(self, secret_values: Iterable[str] = ()) -> None:
        """Take the values that must never be written; those shorter than `SHORTEST_REDACTED` are ignored."""
        super().__init__()
        forms = {form for value in secret_values for form in _written_forms(value)}
        usable = {form for form in forms if len(form) >= SHORTEST_REDACTED}
        self._secret_values = sorted(usable, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return one line: time (UTC), level, logger, message, request fields, extra fields, exception."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            message = f"{record.msg} (with arguments that do not fit: {record.args!r})"
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
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
        return json.dumps(self._plain(entry, depth=0))

    def _plain(self, value: object, depth: int) -> object:
        if isinstance(value, str):
            for secret in self._secret_values:
                value = value.replace(secret, REDACTED)
            return value
        if value is None or isinstance(value, bool | int):
            return self._plain(str(value), depth) if str(value) in self._secret_values else value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Mapping) and depth < 5:
            return {str(self._plain(str(key), depth)): self._plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset) and depth < 5:
            return [self._plain(item, depth + 1) for item in value]
        return self._plain(str(value), depth)


def _written_forms(value: str) -> set[str]:
    """Return what `value` looks like in text: as it is, quoted as in Python and JSON, and line by line as printed."""
    return {value, repr(value)[1:-1], json.dumps(value)[1:-1], *(line.strip() for line in value.splitlines())}


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


def configure_logging(level: str, secret_values: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Send everything from `level` up to `stream` (default: the process's real standard output) as JSON lines.

    Standard output and error themselves, warnings and uncaught exceptions are logged too. May be called again to
    change the level and the secrets.
    """
    handler = logging.StreamHandler(stream or sys.__stdout__)
    handler.setFormatter(JsonFormatter(secret_values))
    logging.basicConfig(level=level, handlers=[handler], force=True)
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


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("server").critical("The server failed unexpectedly.", exc_info=(kind, error, trace))

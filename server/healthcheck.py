"""Asks the server of this container whether it is alive: ``python -m server.healthcheck``, exit status 0 or 1.

For a container image without curl. A plain socket: a health check runs every few seconds on a fraction of a CPU, and
importing an HTTP client would cost more than the question.
"""

import os
import socket
import sys

TIMEOUT_SECONDS = 4
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where to ask instead; nothing is bound


def is_healthy(host: str, port: int) -> bool:
    """Return whether the server at `host` and `port` answers ``GET /health`` with 200."""
    try:
        with socket.create_connection((_EVERY_ADDRESS.get(host, host), port), TIMEOUT_SECONDS) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.makefile("rb").readline().split()[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not is_healthy(os.environ.get("HOST") or "127.0.0.1", int(os.environ.get("PORT") or 3000)))

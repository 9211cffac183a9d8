"""What the attacks share with the server's tests: the server's interpreter."""

from tests.server.conftest import server_python

__all__ = ["server_python"]

"""The fixtures of the conformance tests."""

from tests.conformance.fixtures import node, server, server_settings

__all__ = ["node", "server", "server_settings"]

"""The fixtures of the real clients: those of the conformance tests, with lists of several pages."""

from collections.abc import Mapping

import pytest

from tests.conformance.fixtures import node, server

__all__ = ["node", "server", "server_settings"]


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    """Few tools a page, so that a list has three pages."""
    return {"LIST_PAGE_SIZE": "10"}

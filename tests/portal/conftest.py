"""What the tests of the page share: the facts of the example configuration, at a time that does not move."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployer.portal.facts import Facts, facts
from deployer.settings import load

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def example() -> Facts:
    """The facts of the example configuration."""
    return facts(load(ROOT / "deployment.example.toml"), "deployment.example.toml", "", NOON)

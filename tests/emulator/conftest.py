"""What the emulator's tests share: a running emulator for each file of tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator.running_emulator import RunningEmulator, interpreter


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator of the file's own, with an empty state."""
    state: Path = tmp_path_factory.mktemp("emulator")
    running = RunningEmulator(state, interpreter("emulator"), interpreter("server"))
    running.start()
    try:
        yield running
    finally:
        running.stop()

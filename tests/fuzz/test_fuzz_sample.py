"""A sample of the fuzz run; ``python -m tests.fuzz`` is the whole."""

from pathlib import Path

from tests.fuzz.campaign import run
from tests.server.conftest import server_python as server_python
from tests.server.server_process import ServerProcess


def test_nothing_that_is_sent_breaks_the_server(server_python: Path) -> None:
    with ServerProcess(server_python, {}, "tests.fuzz.fixture_server") as server:
        findings = run(server.wait_until_listening(), 800, first_seed=1_000_000)
    assert findings.faults == []
    assert findings.statuses[200] > 200
    assert findings.log_lines > 800

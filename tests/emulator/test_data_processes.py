"""Child processes: their output arrives, they are stopped, and those of a killed run are found again."""

import os
import sys
from pathlib import Path

import pytest

from emulator.data_plane.processes import ChildProcess, ProcessLedger

POLITE = "import time\nprint('ready', flush=True)\ntime.sleep(600)"
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + POLITE


class Output:
    """Collects a process's lines and tells when the first came."""

    def __init__(self) -> None:
        import threading

        self.lines: list[str] = []
        self.begun = threading.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self.begun.set()


def run(ledger: ProcessLedger, tmp_path: Path, program: str) -> tuple[ChildProcess, Output]:
    output = Output()
    child = ChildProcess(
        [sys.executable, "-c", program], ledger=ledger, environment={}, directory=tmp_path, on_line=output
    )
    assert output.begun.wait(30)
    return child, output


@pytest.mark.parametrize(("program", "timeout", "status"), [(POLITE, 30.0, -15), (STUBBORN, 0.2, -9)])
def test_a_process_is_asked_and_then_made_to_stop(tmp_path: Path, program: str, timeout: float, status: int) -> None:
    ledger = ProcessLedger(tmp_path / "ledger")
    child, output = run(ledger, tmp_path, program)
    assert child.exit_code() is None

    assert child.stop(timeout) == status
    assert output.lines == ["ready"]
    assert ledger.sweep() == []


def test_processes_of_a_killed_run_are_ended(tmp_path: Path) -> None:
    child, _ = run(ProcessLedger(tmp_path / "ledger"), tmp_path, POLITE)

    assert ProcessLedger(tmp_path / "ledger").sweep() == [child.pid]
    assert child.stop(10) == -9


def test_another_process_with_the_same_id_is_left_alone(tmp_path: Path) -> None:
    ledger = ProcessLedger(tmp_path / "ledger")
    (tmp_path / "ledger" / str(os.getpid())).write_text('{"began": "another time"}')

    assert ledger.sweep() == []
    assert list((tmp_path / "ledger").iterdir()) == []


def test_a_process_gets_no_environment_but_its_own(tmp_path: Path) -> None:
    os.environ["EMULATOR_TEST_SECRET"] = "leak"
    program = "import os\nprint(os.environ.get('EMULATOR_TEST_SECRET', 'none'), flush=True)"
    child, output = run(ProcessLedger(tmp_path / "ledger"), tmp_path, program)
    child.stop(10)
    del os.environ["EMULATOR_TEST_SECRET"]

    assert output.lines == ["none"]

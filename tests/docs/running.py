"""A copy of the project in which the documentation's commands are executed as they are written."""

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from deployer.environments import ensure
from deployer.local import STATE_VARIABLE
from tests.docs.blocks import AWS, CONFIGURATION, INTEGRATION, INTERRUPTED, ROOT, RUN, Block, blocks
from tests.docs.configurations import whole, written

PATIENCE_SECONDS = 300
INTERRUPT_STATUS = 130
NOT_COPIED = shutil.ignore_patterns(".local", ".git", ".venv", "deployment.toml", ".*_cache", ".hypothesis")


@dataclass
class Counts:
    """What became of the commands so far: executed here, by continuous integration, or marked as needing AWS."""

    executed: list[str] = field(default_factory=list)
    integration: list[str] = field(default_factory=list)
    aws: list[str] = field(default_factory=list)


class Reader:
    """Somebody who follows the pages, in a project and with an AWS of their own."""

    def __init__(self, folder: Path) -> None:
        """Copy the project below `folder`; environments and what was found clean are shared."""
        for category in ("server", "emulator"):
            ensure(category)
        self.project = folder / "project"
        shutil.copytree(ROOT, self.project, ignore=NOT_COPIED)
        (self.project / ".local").mkdir()
        for shared in ("environments", "lint"):
            (ROOT / ".local" / shared).mkdir(exist_ok=True)
            (self.project / ".local" / shared).symlink_to((ROOT / ".local" / shared).resolve())
        self.counts = Counts()
        self.followed: list[str] = []
        self._done: dict[tuple[str, str], str] = {}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "PYTEST_ADDOPTS": "--numprocesses=0",
            STATE_VARIABLE: str(folder / "aws"),
        }

    def follow(self, page: str) -> None:
        """Does what a page says, block by block, and leaves the project's files as they were."""
        self.followed.append(page)
        before = self._files()
        configuration = self.project / CONFIGURATION
        try:
            printed, waiting = "", None
            for block in blocks(page):
                if block.marker.startswith("file: "):
                    (self.project / block.marker.removeprefix("file: ")).write_text(block.text, encoding="utf-8")
                elif block.marker == CONFIGURATION:
                    configuration.write_text(written(whole(block.text)), encoding="utf-8")
                elif block.marker == "prints" and waiting:
                    printed = self._interrupted(waiting, block)
                    waiting = None
                elif block.marker == "prints":
                    _holds(block, printed)
                elif block.is_shell and block.marker == INTERRUPTED:
                    (waiting,) = block.commands
                elif block.is_shell:
                    printed = self._run(block)
            assert waiting is None, f"{page}: nothing says what {waiting} prints before it is interrupted"
        finally:
            configuration.unlink(missing_ok=True)
            self._restore(before)

    def end(self) -> None:
        """Ends the AWS of this machine."""
        subprocess.run(
            [sys.executable, "build.py", "local", "wipe", "--yes"],
            cwd=self.project,
            env=self._environment,
            capture_output=True,
            check=True,
        )

    def _run(self, block: Block) -> str:
        if block.marker == AWS:
            self.counts.aws += block.commands
            return ""
        if INTEGRATION.fullmatch(block.marker):
            return self._integrated(block)
        run = RUN.fullmatch(block.marker)
        assert run, f"{block.place}: nobody says whether these commands are executed"
        more = " --local" if run["local"] else ""
        return "".join(self._executed(command + more, int(run["status"] or 0), block) for command in block.commands)

    def _integrated(self, block: Block) -> str:
        """Takes what `.ci/run` executes as done, also where that adds `--dev`; runs the rest."""
        known = set(integrated())
        printed = ""
        for part in (part for command in block.commands for part in command.split(" && ")):
            if part in known or f"{part} --dev" in known:
                self.counts.integration.append(part)
            else:
                printed += self._executed(part, 0, block)
        return printed

    def _executed(self, command: str, status: int, block: Block) -> str:
        """Executes a command, once with a configuration: what it printed the first time is what it prints."""
        self.counts.executed.append(command)
        configuration = self.project / CONFIGURATION
        known = (command, configuration.read_text(encoding="utf-8") if configuration.exists() else "")
        if known not in self._done:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=self.project,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE_SECONDS,
                check=False,
            )
            assert done.returncode == status, f"{block.place}: {command}\n{done.stdout}{done.stderr}"
            self._done[known] = done.stdout
        return self._done[known]

    def _interrupted(self, command: str, block: Block) -> str:
        self.counts.executed.append(command)
        with subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # Whoever runs the tests in the background has told them to ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in block.text.splitlines()]
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_SECONDS) == INTERRUPT_STATUS
        printed = "".join(lines)
        _holds(block, printed)
        return printed

    def _files(self) -> dict[Path, bytes]:
        changed = [self.project / "tools.json", *(self.project / "templates").iterdir()]
        return {path: path.read_bytes() for path in changed} | dict.fromkeys(self._tools(), b"")

    def _tools(self) -> list[Path]:
        return [*(self.project / "server" / "tools").glob("*.py"), *(self.project / "tests" / "server").rglob("*.py")]

    def _restore(self, before: dict[Path, bytes]) -> None:
        for path in self._tools():
            if path not in before:
                path.unlink()
        for path, content in before.items():
            if content:
                path.write_bytes(content)


def integrated() -> list[str]:
    """Returns the commands that `.ci/run` takes from the README and executes."""
    (block,) = [block for block in blocks("README.md") if block.marker == "command: test"]
    (command,) = block.commands
    return command.split(" && ")


def _holds(block: Block, printed: str) -> None:
    """Holds every line of a block against what was printed; `…` stands for anything, spaces for any spaces."""
    said = re.sub(r"[ \t]+", " ", printed)
    for line in block.text.splitlines():
        pattern = ".*".join(re.escape(part) for part in re.sub(r"[ \t]+", " ", line.strip()).split("…"))
        assert re.search(pattern, said), f"{block.place}: nothing printed {line.strip()!r}, but\n{printed}"

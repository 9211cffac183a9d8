"""Runs of the command line at the price of a fork: each is what `python build.py` does once it is loaded.

`python -m tests.faults.commands` loads the command line once. Each line on standard input is a JSON object:
`arguments`, the `environment`'s additions, and the files `out` and `err`. The answers are two lines: the process id,
and when the command has ended its exit status, negative where a signal ended it.
"""

import gc
import json
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import botocore.endpoint

import build

HURRY = 20
"""By so much botocore's waits between two tries are shortened, which may otherwise add up to a minute."""


class _Hurried:
    """The module `time` as botocore's retries see it."""

    @staticmethod
    def sleep(seconds: float) -> None:
        """Waits, but not so long."""
        time.sleep(seconds / HURRY)


def main() -> int:
    """Obeys until standard input ends; returns the exit status."""
    for package in ("deployer", "generator", "generator.layers", "generator.stacks", "generator.checks"):
        for module in iter_modules(import_module(package).__path__, f"{package}."):
            if module.name != "deployer.cfn_lint":
                import_module(module.name)
    botocore.endpoint.time = _Hurried
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
        _say(child)
        _, status = os.waitpid(child, 0)
        _say(os.waitstatus_to_exitcode(status))
    return 0


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _become(order: dict[str, Any]) -> None:
    """Turns this process into the command's own, which then ends as any Python program does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, path, mode in ((0, os.devnull, "rb"), (1, order["out"], "wb"), (2, order["err"], "wb")):
        with Path(path).open(mode) as file:
            os.dup2(file.fileno(), number)
    os.environ.update(order["environment"])
    sys.exit(build.main(order["arguments"]))


if __name__ == "__main__":
    sys.exit(main())

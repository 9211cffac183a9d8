"""``python -m emulator``: an AWS on loopback that keeps its state in one folder."""

import argparse
import sys
from pathlib import Path

from emulator.process import Settings, run


def main() -> int:
    """Serve until SIGTERM; return the exit status."""
    parser = argparse.ArgumentParser(prog="emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1, 0 for any")
    parser.add_argument("--state", type=Path, required=True, help="folder of everything that is kept")
    parser.add_argument("--server-python", type=Path, required=True, help="interpreter of the server's environment")
    parser.add_argument("--server-root", type=Path, default=Path.cwd(), help="folder that holds the server package")
    given = parser.parse_args()
    # The interpreter's path is not resolved: a virtual environment is known by the link to its interpreter.
    settings = Settings(given.port, given.state.resolve(), given.server_python.absolute(), given.server_root.resolve())
    try:
        run(settings)
    except OSError as error:
        sys.stderr.write(f"The emulator could not start: {error}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

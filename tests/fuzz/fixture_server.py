"""The server that the fuzzer meets: this project's application over the tools of the differential test.

Run as ``python -m tests.fuzz.fixture_server`` with the server's interpreter.
"""

import os
import sys

from server.__main__ import take_settings_from_fastmcp
from server.json_logs import configure_logging
from server.quick_imports import import_fastmcp
from server.settings import read_settings


def main() -> int:
    """Serve until a signal stops the process; return its exit status."""
    settings = read_settings(os.environ)
    configure_logging(settings.log_level, ())
    take_settings_from_fastmcp()
    import_fastmcp()
    from server.application import build_application
    from server.bounded_tools import BoundedTool
    from server.call_tracker import CallTracker
    from server.lifecycle import serve
    from tests.differential.tools import FUNCTIONS

    tools = [BoundedTool.from_function(function) for function in FUNCTIONS]
    calls = CallTracker()
    return serve(build_application(tools, settings, calls), calls, settings, [tool.name for tool in tools])


if __name__ == "__main__":
    sys.exit(main())

"""The server that the conformance suite meets: this project's application, with what the scenarios call by name.

Run as ``python -m tests.conformance.fixture_server`` with the server's interpreter. It differs from
``python -m server`` in nothing but its tools, resources, prompts and completions, which are functions here and modules
there.
"""

import os
import sys

from server.__main__ import take_settings_from_fastmcp
from server.json_logs import configure_logging
from server.settings import read_settings


def main() -> int:
    """Serve until a signal stops the process; return its exit status."""
    settings = read_settings(os.environ)
    configure_logging(settings.log_level, ())
    take_settings_from_fastmcp()
    from fastmcp import FastMCP

    from server.application import build_application
    from server.call_tracker import CallTracker
    from server.lifecycle import serve
    from tests.conformance import fixture_contents, fixture_inputs, fixture_tools

    def furnish(server: FastMCP) -> None:
        for resource in fixture_contents.content_resources():
            server.add_resource(resource)
        for template in fixture_contents.content_templates():
            server.add_template(template)
        for prompt in (*fixture_contents.content_prompts(), *fixture_inputs.asking_prompts()):
            server.add_prompt(prompt)
        server.add_completion_handler(fixture_contents.complete)

    tools = [*fixture_tools.content_tools(), *fixture_inputs.asking_tools()]
    calls = CallTracker()
    application = build_application(tools, settings, calls, furnish)
    return serve(application, calls, settings, [tool.name for tool in tools])


if __name__ == "__main__":
    sys.exit(main())

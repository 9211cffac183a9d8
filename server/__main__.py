"""Starts the server: ``python -m server``.

Exit status: 0 after a clean stop, 1 when it could not start or had to cut calls off, 2 when a setting is wrong.
"""

import gc
import logging
import os
import signal
import sys
from types import FrameType

from server.json_logs import configure_logging
from server.quick_imports import import_fastmcp
from server.settings import Settings, SettingsError, read_settings


def main() -> int:
    """Serve until a signal stops the process; return its exit status."""
    # The first process of a container gets no signal that it has no handler for: without this one, a task that is
    # stopped while it starts would run until it is killed. Once it listens, the server's own handler takes over.
    signal.signal(signal.SIGTERM, _stop_while_starting)
    # What is imported now stays for good: not looking for garbage in it makes the start about a seventh shorter. The
    # lifecycle turns the collector on again once the server listens.
    gc.disable()
    configure_logging("INFO")
    logger = logging.getLogger("server")
    try:
        settings = read_settings(os.environ)
        configure_logging(settings.log_level, [*settings.tool_secrets.values(), settings.request_state_key])
    except SettingsError as error:
        logger.critical("%s", error)
        return 2
    # Programs that tools start must not inherit the secrets.
    for name in ("TOOL_SECRETS", "REQUEST_STATE_KEY"):
        os.environ.pop(name, None)
    return _start(settings, logger)


def _start(settings: Settings, logger: logging.Logger) -> int:
    take_settings_from_fastmcp()
    # Imported late: a wrong setting is told in milliseconds, and FastMCP reads its own settings when imported.
    import_fastmcp()
    from server.application import build_application
    from server.call_tracker import CallTracker
    from server.content_discovery import furnish, load_prompts, load_resources
    from server.discovery import LoadError
    from server.lifecycle import ListenError, serve
    from server.tool_discovery import load_tools
    from server.tool_secrets import install_tool_secrets

    install_tool_secrets(settings.tool_secrets)
    try:
        tools = load_tools(settings.tool_packages)
        resources, prompts = load_resources(settings.resource_packages), load_prompts(settings.prompt_packages)
        calls = CallTracker()
        application = build_application(tools, settings, calls, lambda server: furnish(server, resources, prompts))
        return serve(application, calls, settings, [tool.name for tool in tools])
    except SettingsError as error:
        logger.critical("%s", error)
        return 2
    except LoadError as error:
        logger.debug("a module failed", exc_info=True)
        logger.critical("%s", error)
        return 1
    except ListenError as error:
        logger.critical("%s", error)
        return 1


def _stop_while_starting(_: int, __: FrameType | None) -> None:
    # Not by an exception: it would surface inside whatever is being imported.
    os._exit(0)


def take_settings_from_fastmcp() -> None:
    """Leave FastMCP no settings but ours: no ``.env`` file, no FASTMCP_ variable, no log handlers of its own."""
    for name in [name for name in os.environ if name.startswith("FASTMCP_")]:
        del os.environ[name]
    os.environ["FASTMCP_ENV_FILE"] = os.devnull
    os.environ["FASTMCP_LOG_ENABLED"] = "false"
    # Its spans would know nothing of the calls that it does not run; ours are of every call.
    os.environ["FASTMCP_TELEMETRY_MODE"] = "off"
    os.environ["FASTMCP_CHECK_FOR_UPDATES"] = "off"


if __name__ == "__main__":
    sys.exit(main())

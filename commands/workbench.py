"""The commands of this machine: tools of this tree and the emulator."""

from __future__ import annotations

import sys

from commands.command import DONE, Command
from deployer.session import Session


def dev(session: Session) -> int:
    """Serves the tools of this tree behind a local gateway and reloads them, until interrupted."""
    from deployer.dev import INSPECTOR, ROOT, develop

    folder = ROOT / ".local" / "dev"

    def started(url: str, tools: list[str]) -> None:
        session.show(
            {"url": url, "tools": tools, "inspector": str(folder / "mcp.json")},
            [
                f"The gateway is at {url}",
                f"tools: {', '.join(tools)}",
                f"MCP Inspector: {INSPECTOR} --config {folder / 'mcp.json'} --server dev",
                "Calls show here; files of server/ are loaded again when they change; Ctrl-C ends it.",
            ],
        )
        sys.stdout.flush()

    develop(session.say, folder, started)
    return DONE


def new_tool(session: Session) -> int:
    """Writes a tool and its test from a template."""
    from deployer.dev import ROOT
    from deployer.new_tool import write

    name = session.options.name
    written = write(ROOT, name)
    session.show(
        {"written": written},
        [
            *(f"wrote {path}" for path in written),
            f"python -m pytest {written[1]}    tests it",
            "python build.py dev    serves it here, and again after each change",
            "python build.py generate    puts it into tools.json, the contract with agents",
        ],
    )
    return DONE


def local(session: Session) -> int:
    """Shows, stops or wipes the emulator of local mode."""
    from deployer import local

    state = local.state_folder()
    tasks = ""
    if session.options.action == "stop":
        said = "stopped; its state is kept" if local.stop(state) else "it was not running"
    elif session.options.action == "wipe":
        session.confirm("Forget everything that was deployed locally?")
        local.wipe(state)
        said = "stopped and forgotten"
    else:
        found = local.running(state)
        said = f"running at {found.url}" if found else "not running"
        tasks = local.tasks(found.url) if found else ""
    session.show(
        {"emulator": said, **({"tasks": tasks} if tasks else {})},
        [f"The emulator: {said}.", *([f"Tasks here: {tasks}."] if tasks else [])],
    )
    return DONE


DEV = Command("dev", "serve the tools of this tree behind a local gateway, and again after each change", dev)
NEW_TOOL = Command(
    "new-tool",
    "write a tool and its test from a template",
    new_tool,
    [(("name",), {"metavar": "NAME", "help": "the tool's name: lower-case letters, digits and underscores"})],
)
LOCAL = Command(
    "local",
    "show, stop or wipe the emulator of local mode",
    local,
    [(("action",), {"choices": ["status", "stop", "wipe"], "nargs": "?", "default": "status"})],
)

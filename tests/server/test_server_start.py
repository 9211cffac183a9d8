"""The start: what is left out of it stays out, and is there for tools that want it."""

import json
import subprocess
from pathlib import Path

from tests.server.server_process import PROJECT_ROOT

SCRIPT = """
import asyncio, importlib, json, os, sys
from server.quick_imports import import_fastmcp
import_fastmcp()
from server.application import build_application
from server.call_tracker import CallTracker
from server.settings import Settings
from server.tool_discovery import load_tools

async def until_it_would_listen():
    application = build_application(load_tools(["server.tools"]), Settings(), CallTracker())
    async with application.router.lifespan_context(application):
        pass

asyncio.run(until_it_would_listen())
loaded = [name for name in sys.modules if name.partition(".")[0] == "beartype"]
beartype = importlib.import_module("beartype")

@beartype.beartype
def takes_a_number(number: int) -> None: ...

try:
    takes_a_number("text")
    checks = False
except beartype.roar.BeartypeCallHintParamViolation:
    checks = True
print(json.dumps([loaded, checks, os.environ.get("PYTHONOPTIMIZE")]))
"""


def test_the_start_and_the_first_requests_build_no_type_checks_and_a_tools_own_still_do(server_python: Path) -> None:
    """A library that comes to import beartype later than `import_fastmcp` does would show here."""
    done = subprocess.run(
        [server_python, "-c", SCRIPT], cwd=PROJECT_ROOT, env={}, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [[], True, None]


LAZY = """
import importlib, json, sys
from server.quick_imports import _LAZY_PACKAGES, import_fastmcp
import_fastmcp()
unused = ("mcp.client.session", "mcp.server.mcpserver", "fastmcp.server.providers.skills.skill_provider")
left_out = [name for name in unused if name in sys.modules]
wrong = []
for name in _LAZY_PACKAGES:
    package = importlib.import_module(name)
    for public in getattr(package, "__all__", ()):
        if not hasattr(package, public):
            wrong.append(f"{name}.{public}")
    try:
        package.there_is_no_such_name
    except AttributeError as error:
        if "there_is_no_such_name" not in str(error):
            wrong.append(str(error))
from mcp import ClientSession
from mcp.client.session import ClientSession as same
from pydantic import BaseModel
class OfATool(BaseModel):
    number: int
print(json.dumps([left_out, wrong, ClientSession is same, OfATool.__pydantic_complete__]))
"""


def test_packages_that_are_imported_late_are_whole_when_they_are_asked(server_python: Path) -> None:
    done = subprocess.run(
        [server_python, "-c", LAZY], cwd=PROJECT_ROOT, env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[], [], True, True]

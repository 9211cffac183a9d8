"""The server's environment holds few packages, and all that FastMCP's server code may import, however late."""

import json
import subprocess
from pathlib import Path

UNUSED = (
    "fastmcp/apps/",
    "fastmcp/cli/",
    "fastmcp/client/sampling/",
    "fastmcp/contrib/",
    "fastmcp/experimental/",
    "fastmcp/server/auth/",
    "mcp/cli/",
    "mcp/os/win32/",
)
"""What of FastMCP and the MCP library this server does not use; their packages are left out."""

OPTIONAL = {"docket", "prefab_ui"}
"""Imported by the server code only where installed: background tasks and user interfaces, extras of FastMCP."""

SCAN = """
import ast, importlib.util, json, pathlib, sys
found = {}
for library in ("fastmcp", "mcp"):
    root = pathlib.Path(importlib.util.find_spec(library).origin).parent
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names):
                if importlib.util.find_spec(name) is None:
                    found.setdefault(name, []).append(path.relative_to(root.parent).as_posix())
print(json.dumps(found))
"""


def test_no_import_of_the_server_code_can_fail_at_run_time(server_python: Path) -> None:
    done = subprocess.run([server_python, "-c", SCAN], capture_output=True, check=True, text=True)
    missing = {
        name: used
        for name, paths in json.loads(done.stdout).items()
        if (used := [path for path in paths if not path.startswith(UNUSED)]) and name not in OPTIONAL
    }
    assert missing == {}

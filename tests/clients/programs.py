"""Calls with the clients that are programs of npm and returns what came of each feature."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clients.matrix import HANDSHAKE, LISTED
from tests.node.installed import NodePackages

_PROGRAM_SECONDS = 60
_INSPECTOR = ("@modelcontextprotocol/inspector", "clients/cli/build/index.js")


def typescript_sdk(node: NodePackages, url: str, era: str, folder: Path, ends: Callable[[], bool]) -> dict[str, Any]:
    """Call with the TypeScript SDK of `era`, from a script that is run in `folder`.

    `ends` waits for the end of the call that the script gives up, and says whether it came.
    """
    (folder / "node_modules").symlink_to(node.folder / "node_modules")
    script = shutil.copy(Path(__file__).with_name("typescript_sdk.mjs"), folder)
    with subprocess.Popen(
        [node.node, script, url, era], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError(process.stderr.read().decode())
        found: dict[str, Any] = json.loads(line)
        if found["cancel"] == "given up" and ends():
            found["cancel"] += ", and the call has ended"
        process.communicate(b"leave\n", timeout=_PROGRAM_SECONDS)
    return found


def inspector(node: NodePackages, url: str, era: str, folder: Path) -> dict[str, Any]:
    """Call with the Inspector's command line, one process a method, as its users do; it keeps its files in `folder`."""

    def run(method: str, *options: str) -> Any:
        command = [*node.program(*_INSPECTOR), url, "--transport", "http", "--format", "json", "--method", method]
        command += ["--protocol-era", "legacy" if era == HANDSHAKE else "modern", *options]
        environment = {"HOME": str(folder), "PATH": str(node.node.parent)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_PROGRAM_SECONDS, check=False
        )
        return json.loads(done.stdout) if done.stdout.strip() else f"failed: {done.stderr[-500:]}"

    called = run("tools/call", "--tool-name", "test_simple_text")
    prompt = run("prompts/get", "--prompt-name", "test_prompt_with_arguments", "--prompt-args", "arg1=a", "arg2=b")
    return {
        "list": [tool["name"] for tool in at(run("tools/list"), "tools") if tool["name"] in LISTED],
        "call": at(called, "content", 0, "text"),
        "structured output": at(called, "structuredContent"),
        "error": at(run("tools/call", "--tool-name", "test_error_handling"), "content", 0, "text"),
        "resource": at(run("resources/read", "--uri", "test://static-text"), "contents", 0, "text"),
        "resource template": at(run("resources/read", "--uri", "test://template/7/data"), "contents", 0, "text"),
        "prompt": at(prompt, "messages", 0, "content", "text"),
    }


def at(document: Any, *path: str | int) -> Any:
    """Return what lies at `path` of an answer, or the whole answer where that is not there."""
    found = document.get("result", document) if isinstance(document, dict) else document
    try:
        for step in path:
            found = found[step]
    except (KeyError, IndexError, TypeError):
        return document
    return found

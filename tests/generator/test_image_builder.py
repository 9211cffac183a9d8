"""The buildspec of the image builder, whose commands are really run, with programs that note how they are called."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import yaml

from generator.layers.image_builder import BUILDSPEC, PLATFORM_VARIABLE, TAG_VARIABLE

PROGRAM = f"""#!{sys.executable}
import json, os, pathlib, sys
name = pathlib.Path(__file__).name
told = sys.stdin.read() if "--password-stdin" in sys.argv else ""
with open(os.environ["CALLS"], "a") as log:
    log.write(json.dumps([name, *sys.argv[1:], told]) + "\\n")
print("the-password" if name == "aws" else "")
sys.exit(1 if os.environ.get("FAILING") == sys.argv[1] else 0)
"""
REGISTRY = "111111111111.dkr.ecr.us-east-1.amazonaws.com"
IMAGE = f"{REGISTRY}/mcp-runtime/server:amd64-0123456789abcdef"


def run(folder: Path, failing: str = "") -> "list[list[str]]":
    """Runs the commands of all phases until one fails, as CodeBuild does, and returns how programs were called."""
    for name in ("aws", "docker"):
        program = folder / name
        program.write_text(PROGRAM)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    spec = yaml.safe_load(BUILDSPEC)
    assert str(spec["version"]) == "0.2"
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "CALLS": str(folder / "calls"),
        "FAILING": failing,
        "REGISTRY": REGISTRY,
        "REPOSITORY": "mcp-runtime/server",
        TAG_VARIABLE: "amd64-0123456789abcdef",
        PLATFORM_VARIABLE: "linux/amd64",
        **spec["env"]["variables"],
    }
    assert environment["BUILDX_NO_DEFAULT_ATTESTATIONS"] == "1"
    for phase in ("pre_build", "build"):
        for command in spec["phases"][phase]["commands"]:
            if subprocess.run(["sh", "-c", command], env=environment, cwd=folder, check=False).returncode:
                break
        else:
            continue
        break
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


def test_commands_sign_in_build_and_push(tmp_path: Path) -> None:
    calls = run(tmp_path)
    # Both ends of a pipe run at once.
    assert sorted(calls[:2]) == [
        ["aws", "ecr", "get-login-password", ""],
        ["docker", "login", "--username", "AWS", "--password-stdin", REGISTRY, "the-password\n"],
    ]
    assert calls[2:] == [
        ["docker", "build", "--platform", "linux/amd64", "--tag", IMAGE, ".", ""],
        ["docker", "push", IMAGE, ""],
    ]


def test_nothing_is_pushed_that_was_not_built(tmp_path: Path) -> None:
    assert [call[1] for call in run(tmp_path, "build")][-1] == "build"
    assert set(yaml.safe_load(BUILDSPEC)["phases"]) == {"pre_build", "build"}

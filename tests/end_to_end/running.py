"""The command line against an AWS of its own on this machine, as a person would use it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from deployer.local import STATE_VARIABLE
from deployer.network import LocalNetwork

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "111111111111"
REGION = "us-east-1"
HOST = "mcp-runtime.example.com"


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one sentence with which it failed."""
        (line,) = [line for line in self.err.splitlines() if line.startswith("Error: ")]
        assert "Traceback" not in self.err
        return line


@dataclass(frozen=True)
class Project:
    """A configuration and a state folder of its own."""

    folder: Path

    @property
    def configuration(self) -> Path:
        """The configuration file that every command uses."""
        return self.folder / "deployment.toml"

    def configure(self, *changes: tuple[str, str]) -> None:
        """Writes the example configuration with changes: each a text that is in it once, and what replaces it."""
        text = (ROOT / "deployment.example.toml").read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the example"
            text = text.replace(old, new)
        self.configuration.write_text(text, encoding="utf-8")

    def run(self, *words: str) -> Done:
        """Runs a command with --local and returns how it ended."""
        command = [sys.executable, "build.py", *words, "--local", "--config", str(self.configuration)]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def begin(self, *words: str) -> "Iterator[subprocess.Popen[str]]":
        """Begins a command with --local whose standard output can be read while it runs; it ends with the block."""
        command = [sys.executable, "build.py", *words, "--local", "--config", str(self.configuration)]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            with process:
                yield process
        finally:
            process.kill()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**kept, STATE_VARIABLE: str(self.folder / "aws")}

    def json(self, *words: str) -> Any:
        """Runs a command that must succeed and returns its JSON document."""
        done = self.run(*words, "--output", "json")
        assert done.status == 0, f"{done.err}\n{done.out}"
        return done.document

    @property
    def emulator(self) -> dict[str, Any]:
        """What the running emulator says of itself."""
        found: dict[str, Any] = json.loads((self.folder / "aws" / "emulator.json").read_text(encoding="utf-8"))
        return found

    def client(self, service: str, region: str = REGION, account: str = ACCOUNT) -> Any:
        """Returns a boto3 client of a target's account."""
        return boto3.client(
            service,
            endpoint_url=self.emulator["endpoint"],
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key=self.emulator["secret_access_key"],
        )

    @property
    def network(self) -> LocalNetwork:
        """The names and the authority of the emulated AWS."""
        return LocalNetwork(self.emulator["endpoint"], Path(self.emulator["ca"]))

    def operations(self) -> list[dict[str, Any]]:
        """Returns every operation of the stack set so far."""
        pages = self.client("cloudformation").get_paginator("list_stack_set_operations")
        return [one for page in pages.paginate(StackSetName="mcp-runtime") for one in page["Summaries"]]

    def outputs(self) -> dict[str, str]:
        """Returns the outputs of the target's root stack."""
        client = self.client("cloudformation")
        (instance,) = client.list_stack_instances(StackSetName="mcp-runtime")["Summaries"]
        (stack,) = client.describe_stacks(StackName=instance["StackId"])["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def objects(self) -> dict[str, str]:
        """Returns when each object of every bucket was last written, by bucket and key."""
        s3 = self.client("s3")
        return {
            f"{bucket['Name']}/{item['Key']}": item["LastModified"].isoformat()
            for bucket in s3.list_buckets()["Buckets"]
            for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
        }

    def end(self) -> None:
        """Stops the emulator and forgets what it held."""
        assert self.run("local", "wipe", "--yes").status == 0
        assert not (self.folder / "aws").exists()

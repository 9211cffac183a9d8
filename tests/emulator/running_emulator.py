"""A running emulator, as tests see it."""

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx2

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "111122223333"
REGION = "us-east-1"
_START_SECONDS = 120


@dataclass
class RunningEmulator:
    """``python -m emulator`` with its state in ``state``, by the interpreter of the emulator's environment."""

    state: Path
    python: str
    server_python: str
    described: dict[str, Any] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it and wait until it is ready; its output goes to ``emulator.log`` in the state's folder."""
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "emulator.log").open("ab") as log:
            command = [self.python, "-m", "emulator", "--port", "0", "--state", str(self.state)]
            command += ["--server-python", self.server_python, "--server-root", str(ROOT)]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        announced = self.state / "emulator.json"
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if announced.exists():
                self.described = json.loads(announced.read_text())
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"the emulator did not start: {(self.state / 'emulator.log').read_text()[-2000:]}")

    def stop(self) -> int:
        """Stop it with SIGTERM; return the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        (self.state / "emulator.json").unlink(missing_ok=True)

    @property
    def endpoint(self) -> str:
        """Return the URL of every service."""
        return str(self.described["endpoint"])

    @property
    def ca(self) -> Path:
        """Return the certificate of the local authority."""
        return Path(self.described["ca"])

    @property
    def secret(self) -> str:
        """Return the secret access key of every account's root."""
        return str(self.described["secret_access_key"])

    @property
    def gateway_base(self) -> str:
        """Return the base URL of gateways in their plain form."""
        return str(self.described["gateway_base"])

    def client(self, service: str, account: str = ACCOUNT, region: str = REGION) -> Any:
        """Return a boto3 client for the root of an account."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key=self.secret,
        )

    def resolve(self, name: str) -> dict[str, Any]:
        """Return what a host name means: its address and ports, or a message."""
        answer = httpx2.get(f"{self.endpoint}/_emulator/resolve", params={"name": name}, trust_env=False, timeout=30)
        found: dict[str, Any] = answer.json()
        return found


def interpreter(category: str) -> str:
    """Return the interpreter of an environment (``emulator`` or ``server``): that of EMULATOR_PYTHON or SERVER_PYTHON,
    or the one made from the lock.
    """
    given = os.environ.get(f"{category.upper()}_PYTHON")
    if given:
        return given
    from deployer.environments import ensure

    return str(ensure(category))

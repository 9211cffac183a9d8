"""The emulator's process: how it is announced, what it says when it cannot start, and what it leaves."""

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.emulator.running_emulator import ACCOUNT, ROOT, RunningEmulator, interpreter


def test_it_is_announced_on_loopback_with_its_authority(emulator: RunningEmulator) -> None:
    assert urlsplit(emulator.endpoint).hostname == urlsplit(emulator.gateway_base).hostname == "127.0.0.1"
    assert emulator.ca.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert emulator.client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_another_secret_key_is_refused(emulator: RunningEmulator) -> None:
    emulator.described["secret_access_key"], known = "another", emulator.secret
    try:
        with pytest.raises(ClientError, match="signature"):
            emulator.client("sts").get_caller_identity()
        with pytest.raises(ClientError, match="signature"):
            emulator.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
    finally:
        emulator.described["secret_access_key"] = known


def test_a_name_that_nothing_has_is_not_resolved(emulator: RunningEmulator) -> None:
    assert "message" in emulator.resolve("absent.example.com")


def test_a_taken_port_is_one_sentence(emulator: RunningEmulator, tmp_path: Path) -> None:
    port = str(urlsplit(emulator.endpoint).port)
    command = [interpreter("emulator"), "-m", "emulator", "--port", port, "--state", str(tmp_path)]
    command += ["--server-python", interpreter("server")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("The emulator could not start: ") and ended.stderr.count("\n") == 1


def test_what_it_held_is_there_after_a_restart(emulator: RunningEmulator) -> None:
    emulator.client("sns").create_topic(Name="kept")
    emulator.client("ecr").put_registry_policy(policyText='{"Version": "2012-10-17", "Statement": []}')
    secret = emulator.secret
    assert emulator.stop() == 0
    assert not (emulator.state / "emulator.json").exists()
    emulator.start()
    assert emulator.secret == secret
    assert [item["TopicArn"].rpartition(":")[2] for item in emulator.client("sns").list_topics()["Topics"]] == ["kept"]
    assert emulator.client("ecr").get_registry_policy()["policyText"]

"""Broken runtimes fail for the reason they would have on AWS, are rolled back, and leave nothing behind."""

import dataclasses
import re

import pytest

from tests.emulator import data_templates as templates
from tests.emulator.data_runtime import create, delete, prepare, server_processes, wait_until
from tests.emulator.running_emulator import RunningEmulator

GOOD = templates.Variation()


@pytest.fixture(scope="module")
def zone(emulator: RunningEmulator) -> str:
    return prepare(emulator)


@pytest.mark.parametrize(
    ("name", "changed", "failing", "reason"),
    [
        ("path", {"path": "/wrong"}, "Target", "Failed to connect and fetch tools.* HTTP status 404"),
        ("cert", {"certificate_name": "other.example.com"}, "Target", "Failed to connect.*certificate is not valid"),
        ("cred", {"credential": False}, "Target", "Failed to connect and fetch tools.* HTTP status 401"),
        ("perm", {"token_permission": False}, "Target", "not authorized to perform: .*GetResourceOauth2Token"),
        ("early", {"target_before_service": True}, "Target", "Failed to connect and fetch tools.* HTTP status 503"),
        ("loose", {"attached": False}, "Service", "does not have an associated load balancer"),
        ("image", {"image": "sha256:" + "0" * 64}, "Service", "Circuit Breaker.*CannotPullContainerError.*not found"),
        ("crash", {"log_level": "NONSENSE"}, "Service", r"Circuit Breaker.*Essential container.*exit code 2"),
        ("sick", {"health_path": "/nothing"}, "Service", r"Circuit Breaker.*failed ELB health checks.*\[404\]"),
        ("secret", {"secret": "${Setting}:nothing::"}, "Service", "ResourceInitializationError.*JSON key nothing"),
        ("strange", {"private": True, "entered": False}, "Target", "Failed to connect.* which its VPC alone reaches"),
        ("closed", {"private": True, "admitted": False}, "Target", "Failed to connect.* no rule of sg-.* admits sg-"),
        ("foreign", {"private": True, "own_network": False}, "Target", "The VPC vpc-00000000 does not exist"),
        ("rate", {"rate": 99_999_999}, "Limit", "must be between 0 and 10000000"),
    ],
)
def test_a_broken_runtime_fails_and_rolls_back(
    emulator: RunningEmulator, zone: str, name: str, changed: dict[str, object], failing: str, reason: str
) -> None:
    outcome = create(emulator, name, dataclasses.replace(GOOD, **changed), zone)  # type: ignore[arg-type]  # any field

    assert outcome.status == "ROLLBACK_COMPLETE"
    assert failing in outcome.failures
    assert re.search(reason, outcome.failures[failing], re.DOTALL), outcome.failures[failing]
    delete(emulator, name)
    control = emulator.client("bedrock-agentcore-control")
    assert control.list_gateways()["items"] == []
    assert control.list_oauth2_credential_providers()["credentialProviders"] == []
    assert "address" not in emulator.resolve(templates.HOST)
    wait_until(lambda: not server_processes(emulator))

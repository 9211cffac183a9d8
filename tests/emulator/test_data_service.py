"""A service's life: rolling over, rolling back, scaling, lost processes, a restarted and a killed emulator."""

import os
import signal
from typing import Any

import httpx2
import pytest

from tests.emulator import data_templates as templates
from tests.emulator.data_runtime import (
    Outcome,
    command_of,
    create,
    delete,
    prepare,
    send,
    server_processes,
    update,
    wait_until,
)
from tests.emulator.running_emulator import RunningEmulator

STACK = "life"


@pytest.fixture(scope="module")
def zone(emulator: RunningEmulator) -> str:
    return prepare(emulator)


@pytest.fixture(scope="module")
def stack(emulator: RunningEmulator, zone: str) -> Outcome:
    outcome = create(emulator, STACK, templates.Variation(gateway=False), zone)
    assert (outcome.status, outcome.failures) == ("CREATE_COMPLETE", {})
    return outcome


def service(emulator: RunningEmulator, stack: Outcome) -> dict[str, Any]:
    answer = emulator.client("ecs").describe_services(
        cluster=stack.outputs["Cluster"], services=[stack.outputs["Service"]]
    )
    found: dict[str, Any] = answer["services"][0]
    return found


def tasks(emulator: RunningEmulator, stack: Outcome) -> set[str]:
    return set(emulator.client("ecs").list_tasks(cluster=stack.outputs["Cluster"])["taskArns"])


def healthy_ports(emulator: RunningEmulator, stack: Outcome) -> set[int]:
    answer = emulator.client("elbv2").describe_target_health(TargetGroupArn=stack.outputs["Group"])
    return {
        item["Target"]["Port"]
        for item in answer["TargetHealthDescriptions"]
        if item["TargetHealth"]["State"] == "healthy"
    }


def is_served(emulator: RunningEmulator, url: str) -> bool:
    try:
        return send(emulator, "GET", url).status_code < 500
    except httpx2.TransportError:
        return False


def test_desired_count_starts_and_ends_processes(emulator: RunningEmulator, stack: Outcome) -> None:
    ecs = emulator.client("ecs")
    for desired in (2, 1):
        ecs.update_service(cluster=stack.outputs["Cluster"], service=stack.outputs["Service"], desiredCount=desired)
        wait_until(lambda count=desired: len(healthy_ports(emulator, stack)) == count)  # type: ignore[misc]
        wait_until(lambda count=desired: len(server_processes(emulator)) == count)  # type: ignore[misc]


def test_an_update_replaces_the_tasks(emulator: RunningEmulator, zone: str, stack: Outcome) -> None:
    before = tasks(emulator, stack)
    outcome = update(emulator, STACK, templates.Variation(gateway=False, log_level="DEBUG"), zone)

    assert outcome.status == "UPDATE_COMPLETE"
    wait_until(lambda: not before & tasks(emulator, stack) and len(healthy_ports(emulator, stack)) == 1)


def test_a_failing_update_keeps_the_old_tasks(emulator: RunningEmulator, zone: str, stack: Outcome) -> None:
    before, ports = tasks(emulator, stack), healthy_ports(emulator, stack)
    outcome = update(emulator, STACK, templates.Variation(gateway=False, log_level="NONSENSE"), zone)

    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "Circuit Breaker" in outcome.failures["Service"]
    wait_until(lambda: (tasks(emulator, stack), healthy_ports(emulator, stack)) == (before, ports))
    assert any("rolled back" in event["message"] for event in service(emulator, stack)["events"])


def test_a_stopped_and_a_killed_task_are_replaced(emulator: RunningEmulator, stack: Outcome) -> None:
    before = tasks(emulator, stack)
    emulator.client("ecs").stop_task(cluster=stack.outputs["Cluster"], task=next(iter(before)), reason="test")
    wait_until(lambda: len(healthy_ports(emulator, stack)) == 1 and not before & tasks(emulator, stack))

    before = tasks(emulator, stack)
    wait_until(lambda: len(server_processes(emulator)) == 1)
    server = server_processes(emulator)
    os.kill(server[0], signal.SIGKILL)
    wait_until(lambda: len(healthy_ports(emulator, stack)) == 1 and not before & tasks(emulator, stack))
    (stopped,) = emulator.client("ecs").describe_tasks(cluster=stack.outputs["Cluster"], tasks=list(before))["tasks"]
    assert (stopped["stopCode"], stopped["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)


def test_a_lost_front_is_started_again_and_holds_up_no_task(emulator: RunningEmulator, stack: Outcome) -> None:
    before = tasks(emulator, stack)
    for entry in (emulator.state / "processes").iterdir():
        if "--entrypoints." in command_of(int(entry.name)):
            os.kill(int(entry.name), signal.SIGKILL)
    emulator.client("ecs").stop_task(cluster=stack.outputs["Cluster"], task=next(iter(before)), reason="test")

    wait_until(lambda: len(healthy_ports(emulator, stack)) == 1 and not before & tasks(emulator, stack))
    wait_until(lambda: len(server_processes(emulator)) == 1)
    wait_until(lambda: is_served(emulator, f"https://{templates.HOST}/health"))


def test_a_restarted_emulator_resumes_and_a_killed_one_is_cleaned_up(emulator: RunningEmulator, stack: Outcome) -> None:
    recorded = {int(entry.name) for entry in (emulator.state / "processes").iterdir()}
    assert emulator.stop() == 0
    assert not any(command_of(pid) for pid in recorded)

    emulator.start()
    wait_until(lambda: len(healthy_ports(emulator, stack)) == 1)
    assert "address" in emulator.resolve(templates.HOST)

    left = {int(entry.name) for entry in (emulator.state / "processes").iterdir()}
    emulator.kill()
    emulator.start()
    assert not any(command_of(pid) for pid in left)


def test_a_deleted_service_ends_its_processes(emulator: RunningEmulator, stack: Outcome) -> None:
    wait_until(lambda: len(server_processes(emulator)) == 1)
    delete(emulator, STACK)
    wait_until(lambda: not server_processes(emulator))

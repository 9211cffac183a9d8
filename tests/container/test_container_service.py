"""The emulated service runs the image itself: limits, log stream, and nothing left behind, not even by a crash.

The tests of this file are one story and run in their order.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.container.conftest import Built
from tests.emulator import data_templates as templates
from tests.emulator.data_runtime import Outcome, create, prepare, wait_until
from tests.emulator.running_emulator import RunningEmulator, interpreter


@pytest.fixture(scope="module")
def emulator(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator whose person keeps images where the tests do."""
    folder = tmp_path_factory.mktemp("emulator")
    places = {"graphroot": built.podman.storage / "images", "runroot": built.podman.storage / "run"}
    lines = ["[storage]", 'driver = "overlay"', *(f'{name} = "{path}"' for name, path in places.items())]
    (folder / "storage.conf").write_text("\n".join(lines))
    running = RunningEmulator(folder / "state", interpreter("emulator"), interpreter("server"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CONTAINERS_STORAGE_CONF", str(folder / "storage.conf"))
        running.start()
        try:
            yield running
        finally:
            running.stop()
    assert containers(built, running) == []


@pytest.fixture(scope="module")
def stack(built: Built, emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    zone = prepare(emulator)
    digest = register(built, emulator, tmp_path_factory.mktemp("image"))
    return create(emulator, "service", templates.Variation(gateway=False, image=digest), zone)


def register(built: Built, emulator: RunningEmulator, folder: Path) -> str:
    """Put the image's manifest and configuration into the emulated ECR, as a push does at its end; return its digest.

    The layers stay where the runtime has them: compressing and sending them is what `tests/end_to_end` does.
    """
    built.podman.run("push", built.image, f"dir:{folder}")
    manifest = (folder / "manifest.json").read_text()
    configuration = json.loads(manifest)["config"]["digest"]
    ecr = emulator.client("ecr")
    upload = ecr.initiate_layer_upload(repositoryName=templates.REPOSITORY)["uploadId"]
    content = (folder / configuration.removeprefix("sha256:")).read_bytes()
    ecr.upload_layer_part(
        repositoryName=templates.REPOSITORY,
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(content) - 1,
        layerPartBlob=content,
    )
    ecr.complete_layer_upload(repositoryName=templates.REPOSITORY, uploadId=upload, layerDigests=[configuration])
    put = ecr.put_image(repositoryName=templates.REPOSITORY, imageManifest=manifest, imageTag="built")
    return str(put["image"]["imageId"]["imageDigest"])


def tasks(emulator: RunningEmulator) -> dict[str, Any]:
    found: dict[str, Any] = httpx2.get(f"{emulator.endpoint}/_emulator/tasks", trust_env=False, timeout=30).json()
    return found


def containers(built: Built, emulator: RunningEmulator) -> list[dict[str, Any]]:
    """What podman knows of the containers that the emulated service of this emulator started."""
    owner = hashlib.sha256(str(emulator.state.resolve()).encode()).hexdigest()[:12]
    mine = f"label=mcp-runtime.emulator={owner}"
    listed = built.podman.run("ps", "--all", "--quiet", "--filter", mine).stdout.split()
    found: list[dict[str, Any]] = json.loads(built.podman.run("inspect", *listed).stdout) if listed else []
    return found


def test_a_service_is_steady_when_its_container_answers(emulator: RunningEmulator, stack: Outcome) -> None:
    assert (stack.status, stack.failures) == ("CREATE_COMPLETE", {})
    assert tasks(emulator) == {"running": ["container of podman"], "reason": ""}


def test_the_container_has_what_the_task_definition_gives(
    built: Built, emulator: RunningEmulator, stack: Outcome
) -> None:
    (container,) = containers(built, emulator)
    host = container["HostConfig"]
    assert container["Image"] == built.image
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (250_000_000, 512 * 2**20, 512 * 2**20)
    assert container["Config"]["User"] == "65532:65532"
    named = {line.partition("=")[0] for line in container["Config"]["Env"]}
    assert "ECS_CONTAINER_METADATA_URI_V4" in named and "CONTAINERS_STORAGE_CONF" not in named


def test_its_secret_is_on_no_command_line(built: Built, emulator: RunningEmulator, stack: Outcome) -> None:
    (container,) = containers(built, emulator)
    command = container["Config"]["CreateCommand"]
    assert [word for word in command if word.startswith("--env=") and word.count("=") > 1] == []


def test_its_output_is_in_the_tasks_log_stream(emulator: RunningEmulator, stack: Outcome) -> None:
    logs = emulator.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    lines = [
        json.loads(event["message"])
        for group in groups
        for event in logs.filter_log_events(logGroupName=group)["events"]
        if event["message"].startswith("{")
    ]
    assert "listening" in {line["message"] for line in lines}


def test_a_crash_of_the_emulator_leaves_no_container_beside_the_resumed_one(
    built: Built, emulator: RunningEmulator, stack: Outcome
) -> None:
    (before,) = containers(built, emulator)
    emulator.stop()
    assert containers(built, emulator) == []
    emulator.start()
    wait_until(lambda: tasks(emulator)["running"] == ["container of podman"])
    (resumed,) = containers(built, emulator)
    emulator.kill()
    assert [container["Id"] for container in containers(built, emulator)] == [resumed["Id"]] != [before["Id"]]
    emulator.start()
    wait_until(lambda: tasks(emulator)["running"] == ["container of podman"])
    (after,) = containers(built, emulator)
    assert after["Id"] != resumed["Id"]

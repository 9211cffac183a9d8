"""The collector of traces: there by its image alone, beside the server and not in its way."""

import pytest

from generator import parameters as p
from generator.evaluation import PSEUDO, Deployment
from generator.stacks import template_dicts

FILES = ("runtime.yaml", "runtime-flat.yaml")
COLLECTOR = f"public.ecr.aws/aws-observability/aws-otel-collector@sha256:{'ab' * 32}"


def _definition(file: str, collector: str, size: str) -> tuple[str, list[dict[str, object]]]:
    declared = template_dicts()[file]["Parameters"]
    defaults = {name: str(one.get("Default", "")) for name, one in declared.items()}
    given = {p.TRACES_COLLECTOR_IMAGE.name: collector, p.TASK_SIZE.name: size}
    found = Deployment(template_dicts(), file, PSEUDO).given(defaults | given)
    (title,) = found.existing("AWS::ECS::TaskDefinition")
    return str(found.property(title, "Memory")), found.property(title, "ContainerDefinitions")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("size", ["256-512", "1024-2048"])
def test_the_collector_shares_the_task_and_may_end_without_harm(file: str, size: str) -> None:
    memory, (server, collector) = _definition(file, COLLECTOR, size)
    assert (collector["Image"], collector["Essential"]) == (COLLECTOR, False)
    assert (server["Essential"], "PortMappings" in collector) == (True, False)
    assert int(str(server["Memory"])) + int(str(collector["Memory"])) == int(memory)
    environment = {entry["Name"]: entry["Value"] for entry in server["Environment"]}  # type: ignore[attr-defined]
    assert environment["TRACES"] == "on"


@pytest.mark.parametrize("file", FILES)
def test_without_its_image_there_is_none(file: str) -> None:
    memory, (server,) = _definition(file, "", "256-512")
    assert str(server["Memory"]) == memory
    environment = {entry["Name"]: entry["Value"] for entry in server["Environment"]}  # type: ignore[attr-defined]
    assert environment["TRACES"] == "off"

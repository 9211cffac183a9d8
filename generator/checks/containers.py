"""The service and its container: scaling, rollback, the image, and the times that must keep one order.

Sources: ECS developer guide, "Deployment circuit breaker" and "Graceful shutdowns"; ELB user guide, "Connection idle
timeout" (the server's keep-alive is above it) and "Deregistration delay"; botocore, `elbv2` attribute defaults.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from generator.checks.findings import Defect, Rule, attributes, number, walk
from generator.evaluation import Deployment
from generator.symbols import Reference, Text, references, scalar

SERVICE: Final = "AWS::ECS::Service"
TASK_DEFINITION: Final = "AWS::ECS::TaskDefinition"
SCALABLE_TARGET: Final = "AWS::ApplicationAutoScaling::ScalableTarget"
LOAD_BALANCER: Final = "AWS::ElasticLoadBalancingV2::LoadBalancer"
TARGET_GROUP: Final = "AWS::ElasticLoadBalancingV2::TargetGroup"
DEFAULT_IDLE_TIMEOUT: Final = 60
DEFAULT_DEREGISTRATION_DELAY: Final = 300
DEFAULT_STOP_TIMEOUT: Final = 30


def container_port(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A service's load balancer entry names a container of its task definition and a port of that container."""
    definition = deployment.property(title, "TaskDefinition")
    if not isinstance(definition, Reference):
        return
    ports = {
        _field(deployment, definition.logical_id, index, "Name"): [
            scalar(mapping.get("ContainerPort"))
            for mapping in _field(deployment, definition.logical_id, index, "PortMappings") or ()
        ]
        for index in _containers(deployment, definition.logical_id)
    }
    for index, entry in enumerate(deployment.property(title, "LoadBalancers") or ()):
        path = f"Properties.LoadBalancers[{index}]"
        name, port = entry.get("ContainerName"), scalar(entry.get("ContainerPort"))
        if name not in ports:
            yield Defect(path, f"{title} balances container {name}, which {definition.logical_id} does not have.")
        elif port not in ports[name]:
            yield Defect(path, f"{title} balances port {port} of {name}, which {definition.logical_id} does not map.")


def desired_count(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A service that scales states no count: an update would undo the scaling."""
    if "DesiredCount" not in deployment.body(title).get("Properties", {}):
        return
    targets = (deployment.property(target, "ResourceId") for target in deployment.existing(SCALABLE_TARGET))
    if any(reference.logical_id == title for value in targets for reference in references(value)):
        yield Defect("Properties.DesiredCount", f"{title} states DesiredCount, which its scalable target owns.")


def rollback(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A service's circuit breaker is on and rolls back, and so do its deployment alarms."""
    configuration = deployment.property(title, "DeploymentConfiguration") or {}
    breaker = configuration.get("DeploymentCircuitBreaker", {})
    path = "Properties.DeploymentConfiguration"
    if [scalar(breaker.get(name)) for name in ("Enable", "Rollback")] != ["true", "true"]:
        yield Defect(path, f"{title} has no circuit breaker with rollback.")
    alarms = configuration.get("Alarms")
    if alarms is not None and [scalar(alarms.get(name)) for name in ("Enable", "Rollback")] != ["true", "true"]:
        yield Defect(path, f"{title} has deployment alarms that do not roll back.")


def pinned_image(deployment: Deployment, title: str) -> Iterator[Defect]:
    """Every container's image is named by digest."""
    for index in _containers(deployment, title):
        image = _field(deployment, title, index, "Image")
        last = image.parts[-1] if isinstance(image, Text) else image
        if not isinstance(last, str) or not re.search(r"@?sha256:[0-9a-f]{64}$", last) or "@" not in _literal(image):
            yield Defect(f"Properties.ContainerDefinitions[{index}].Image", f"The image of {title} has no digest.")


def connection_times(deployment: Deployment, title: str) -> Iterator[Defect]:
    """The server's keep-alive is above the load balancer's idle timeout, and that above the server's ping interval."""
    for balancer in deployment.existing(LOAD_BALANCER):
        found = attributes(deployment.property(balancer, "LoadBalancerAttributes"))
        idle = number(found.get("idle_timeout.timeout_seconds"), DEFAULT_IDLE_TIMEOUT)
        for index in _serving(deployment, title):
            path = f"Properties.ContainerDefinitions[{index}].Environment"
            keep_alive = number(_variable(deployment, title, index, "KEEP_ALIVE_SECONDS"), 0)
            ping = number(_variable(deployment, title, index, "PING_INTERVAL_SECONDS"), idle)
            if not keep_alive > idle > ping:
                sentence = (
                    f"Keep-alive {keep_alive} s, idle timeout {idle} s and ping interval {ping} s do not descend."
                )
                yield Defect(path, sentence)


def stopping_times(deployment: Deployment, title: str) -> Iterator[Defect]:
    """Stop timeout, the server's bound for finishing calls and deregistration delay descend, so no call is cut off."""
    for group in deployment.existing(TARGET_GROUP):
        found = attributes(deployment.property(group, "TargetGroupAttributes"))
        delay = number(found.get("deregistration_delay.timeout_seconds"), DEFAULT_DEREGISTRATION_DELAY)
        for index in _serving(deployment, title):
            stop = number(_field(deployment, title, index, "StopTimeout"), DEFAULT_STOP_TIMEOUT)
            shutdown = number(_variable(deployment, title, index, "SHUTDOWN_SECONDS"), 0)
            if not stop >= shutdown >= delay:
                sentence = f"Stop timeout {stop} s, shutdown {shutdown} s and deregistration {delay} s do not descend."
                yield Defect(f"Properties.ContainerDefinitions[{index}].StopTimeout", sentence)


def _containers(deployment: Deployment, definition: str) -> list[int]:
    """Returns the positions of the containers that there are under the deployment's conditions."""
    listed = deployment.body(definition).get("Properties", {}).get("ContainerDefinitions", ())
    return [
        index
        for index, container in enumerate(listed)
        if "Fn::If" not in container or _conditional(deployment, definition, index) is not None
    ]


def _conditional(deployment: Deployment, definition: str, index: int) -> Any:
    return deployment.part(definition, ("ContainerDefinitions", index))


def _field(deployment: Deployment, definition: str, index: int, name: str) -> Any:
    container = deployment.body(definition)["Properties"]["ContainerDefinitions"][index]
    if "Fn::If" in container:
        return (_conditional(deployment, definition, index) or {}).get(name)
    return deployment.part(definition, ("ContainerDefinitions", index, name)) if name in container else None


def _serving(deployment: Deployment, definition: str) -> list[int]:
    return [
        index for index in _containers(deployment, definition) if _field(deployment, definition, index, "PortMappings")
    ]


def _variable(deployment: Deployment, definition: str, index: int, name: str) -> Any:
    """Returns a container's environment variable, None where it has none; the other variables are not evaluated."""
    entries = deployment.body(definition)["Properties"]["ContainerDefinitions"][index].get("Environment", ())
    for position, entry in enumerate(entries):
        if any(isinstance(item, Mapping) and item.get("Name") == name for _, item in walk(entry)):
            pair = deployment.part(definition, ("ContainerDefinitions", index, "Environment", position))
            if pair is not None and pair.get("Name") == name:
                return scalar(pair.get("Value"))
    return None


def _literal(value: Any) -> str:
    parts = value.parts if isinstance(value, Text) else (value,)
    return "".join(part for part in parts if isinstance(part, str))


RULES = (
    Rule(container_port, (SERVICE,)),
    Rule(desired_count, (SERVICE,)),
    Rule(rollback, (SERVICE,)),
    Rule(pinned_image, (TASK_DEFINITION,)),
    Rule(connection_times, (TASK_DEFINITION,)),
    Rule(stopping_times, (TASK_DEFINITION,)),
)

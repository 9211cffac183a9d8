"""A deployment to three hundred targets as a stream of events: made up, since no machine emulates so many in minutes.

Four targets are followed at a time, as `watching` does; every fiftieth target fails.
"""

from collections.abc import Iterator

from deployer.events import Event, InstanceStatus, OperationStatus, ResourceEvent, ServiceRollout, Step, TargetHealth

BEGIN = 1_800_000_000.0
ACCOUNTS = [f"{number:012}" for number in range(100000000001, 100000000101)]
REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2"]
TARGETS = [(account, region) for account in ACCOUNTS for region in REGIONS]
AT_ONCE, FOLLOWED = 24, 4
STACK, SERVICE = "AWS::CloudFormation::Stack", "AWS::ECS::Service"
LAYERS = {"NetworkStack": 29, "LoadBalancerStack": 8, "ServiceStack": 13, "GatewayStack": 4, "MonitoringStack": 14}
REASON = (
    "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was"
    " triggered'. Last stopped task: CannotPullContainerError: pull image manifest has been retried 7 time(s): failed"
    ' to resolve ref" (HandlerErrorCode: GeneralServiceException)'
)


def fleet() -> Iterator[Event]:
    """Yields the events in the order in which they arrive."""
    moment = BEGIN
    for name, detail in (("Lint", ""), ("Foundation", "bucket artifacts"), ("Image", ""), ("Package", "10 uploaded")):
        yield Step(name, "started", moment=moment)
        moment += 7
        yield Step(name, "done", detail, moment=moment)
    yield Step("Stack set", "started", "mcp-runtime", moment=moment)
    yield OperationStatus("mcp-runtime", "CREATE", "operation", "RUNNING", "", moment=moment)
    for target in TARGETS:
        yield InstanceStatus(*target, "PENDING", "", moment=moment)
    for first in range(0, len(TARGETS), AT_ONCE):
        batch = TARGETS[first : first + AT_ONCE]
        for target in batch:
            yield InstanceStatus(*target, "RUNNING", "", moment=moment)
        yield from _followed(batch[:FOLLOWED], moment + 4)
        moment += 400
        for number, target in enumerate(batch, first):
            failed = number % 50 == 0
            reason = (
                "ResourceLogicalId:ServiceStack, ResourceStatusReason:Embedded stack was not created" if failed else ""
            )
            yield InstanceStatus(*target, "FAILED" if failed else "SUCCEEDED", reason, moment=moment)
    yield OperationStatus("mcp-runtime", "CREATE", "operation", "FAILED", "", moment=moment)
    yield Step("Stack set", "failed", moment=moment)


def _followed(targets: list[tuple[str, str]], moment: float) -> Iterator[Event]:
    for layer, count in LAYERS.items():
        for target in targets:
            path = ("/".join(target),)
            fails = TARGETS.index(target) % 50 == 0
            yield ResourceEvent(path, layer, STACK, "CREATE_IN_PROGRESS", "", moment, f"{layer} of the runtime.")
            for number in range(count):
                yield from _resource((*path, layer), number, moment, fails)
            if layer == "ServiceStack" and fails:
                yield ResourceEvent(path, layer, STACK, "CREATE_FAILED", "Embedded stack was not created", moment + 300)
                return
            yield ResourceEvent(path, layer, STACK, "CREATE_COMPLETE", "", moment + 70)
        moment += 70


def _resource(path: tuple[str, ...], number: int, moment: float, fails: bool) -> Iterator[Event]:
    if path[-1] != "ServiceStack" or number:
        name, kind = f"Resource{number}", "AWS::EC2::Subnet"
        yield ResourceEvent(path, name, kind, "CREATE_IN_PROGRESS", "", moment + number, "Does its part.")
        yield ResourceEvent(path, name, kind, "CREATE_COMPLETE", "", moment + number + 1, "Does its part.")
        return
    told = "Keeps the tasks running, replaces them one by one and goes back when new ones fail."
    account, _, region = path[0].partition("/")
    yield ResourceEvent(path, "Service", SERVICE, "CREATE_IN_PROGRESS", "", moment, told)
    for running in range(3):
        failed = running if fails else 0
        state = "IN_PROGRESS" if running < 2 else "COMPLETED"
        tasks = (2, 2 - running, running, failed)
        yield ServiceRollout(account, region, path, "service", *tasks, state, "", moment=moment + 20 * running)
        health = (max(0, running - 1), 0, min(1, running), 0)
        yield TargetHealth(account, region, path, *health, moment=moment + 20 * running)
    status = "CREATE_FAILED" if fails else "CREATE_COMPLETE"
    yield ResourceEvent(path, "Service", SERVICE, status, REASON if fails else "", moment + 61, told)

"""One deployment that meets every fault in turn, and its removal: both end as if nothing had happened.

The full campaign, every point of a command by every fault, is `python -m tests.faults campaign`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import pytest

from generator.deployer_permissions import DEPLOYER_PERMISSIONS
from scripts.deployer_permissions import LOCAL, actions
from tests.faults.faults import ANYWHERE, Fault, Point
from tests.faults.holdings import differences, held
from tests.faults.machine import Machine, Run
from tests.faults.trials import ACCOUNT, REGION, complaints, configure

DEPLOY = ("deploy",)
DESTROY = ("destroy", "--foundation", "--yes")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with the example configuration."""
    folder = tmp_path_factory.mktemp("faults")
    configure(folder / "deployment.toml", ())
    with Machine(folder, folder / "deployment.toml") as found:
        yield found


def holdings(machine: Machine) -> Counter[str]:
    return held(lambda service: machine.client(service, ACCOUNT, REGION), machine.process)


def needed(run: Run) -> set[str]:
    """Returns the IAM actions behind the calls of a run, as they were seen on the wire."""
    return {action for call in run.sequence.calls for action in actions(call.service, call.operation)} - LOCAL.keys()


@pytest.fixture(scope="module")
def undisturbed(machine: Machine) -> tuple[Counter[str], Counter[str]]:
    """What an account holds after a deployment, and after its removal."""
    machine.fresh()
    found = []
    for words in (DEPLOY, DESTROY):
        run = machine.run(words)
        assert run.status == 0, run.err
        assert needed(run) <= {action for actions in DEPLOYER_PERMISSIONS.values() for action in actions}
        found.append(holdings(machine))
    return found[0], found[1]


def met(machine: Machine, words: tuple[str, ...], faults: Mapping[str, Fault]) -> Run:
    """Runs a command that meets faults, the last of which decides how it ends."""
    run = machine.run(words, {Point(call, ANYWHERE): fault for call, fault in faults.items()})
    assert complaints(run, list(faults.values())[-1]) == []
    return run


def test_deployment_that_meets_every_fault_ends_as_an_undisturbed_one(
    machine: Machine, undisturbed: tuple[Counter[str], Counter[str]]
) -> None:
    machine.fresh()
    meetings: list[Mapping[str, Fault]] = [
        {"cloudformation:DescribeStacks": Fault.EXPIRED},
        {"cloudformation:CreateStack": Fault.BROKEN_AFTER, "ecr:UploadLayerPart": Fault.LOST},
        {"ecr:PutImage": Fault.RESET_AFTER, "s3:PutObject": Fault.KILLED_BEFORE},
        {"s3:HeadObject": Fault.RESET_BEFORE, "cloudformation:CreateStackSet": Fault.KILLED_AFTER},
        {
            "cloudformation:CreateStackInstances": Fault.THROTTLED,
            "cloudformation:DescribeStackSetOperation": Fault.INTERRUPTED,
        },
        {"cloudformation:ListStackSetOperations": Fault.BROKEN_BEFORE},
    ]
    assert {fault for faults in meetings for fault in faults.values()} == set(Fault)
    for faults in meetings:
        met(machine, DEPLOY, faults)
    assert differences(holdings(machine), undisturbed[0]) == []


def test_removal_that_meets_faults_ends_as_an_undisturbed_one(
    machine: Machine, undisturbed: tuple[Counter[str], Counter[str]]
) -> None:
    assert differences(holdings(machine), undisturbed[0]) == []
    met(machine, DESTROY, {"bedrock-agentcore-control:DeleteGatewayTarget": Fault.KILLED_AFTER})
    met(machine, DESTROY, {"cloudformation:DeleteStackInstances": Fault.KILLED_AFTER})
    met(
        machine,
        DESTROY,
        {"cloudformation:DeleteStackSet": Fault.RESET_AFTER, "cloudformation:DeleteStack": Fault.INTERRUPTED},
    )
    run = machine.run(DESTROY)
    assert run.status == 0, run.err
    assert differences(holdings(machine), undisturbed[1]) == []

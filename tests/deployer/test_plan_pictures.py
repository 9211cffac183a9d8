"""Plans look as they were looked at and found good; `python -m tests.deployer.test_plan_pictures` draws them anew."""

import io
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from deployer.durations import estimate
from deployer.foundation_plan import FoundationChange
from deployer.plan_costs import CostChange
from deployer.plan_tables import draw
from deployer.planning import Planned, TargetGroup, target_leaves
from deployer.replacement import fixed
from deployer.stack_set_plan import Instance, StackSet
from deployer.tables import show_timeline
from deployer.timeline import Span, timeline
from deployer.update_diff import difference
from deployer.update_warnings import warnings
from generator import parameters as p
from generator.cost.traffic import Amount, always
from generator.evaluation import STACK, Deployment
from generator.tool_catalogue import Catalogue
from generator.tool_changes import Change, Changes, compare

FOLDER = Path(__file__).parent / "fixtures" / "plan"
AGAIN = "look at the difference, and draw anew with `python -m tests.deployer.test_plan_pictures` if it is good"
PARAMETERS = {"Range": {"Type": "String"}, "Scheme": {"Type": "String"}, "Image": {"Type": "String"}}
DIGEST = "sha256:" + "0" * 64
BASE = {"Range": "10.0.0.0/16", "Scheme": "internet-facing", "Image": f"111122223333.dkr.ecr.example/server@{DIGEST}"}


def stack(file: str, **parameters: object) -> dict[str, object]:
    """Returns a nested stack."""
    return {"Type": STACK, "Properties": {"TemplateURL": file, "Parameters": parameters}}


TEMPLATES = {
    "root": {
        "Parameters": PARAMETERS,
        "Resources": {
            "NetworkStack": stack("network", Range={"Ref": "Range"}),
            "LoadBalancerStack": stack(
                "balancer", Vpc={"Fn::GetAtt": ["NetworkStack", "Outputs.Vpc"]}, Scheme={"Ref": "Scheme"}
            ),
            "ServiceStack": stack(
                "service", Group={"Fn::GetAtt": ["LoadBalancerStack", "Outputs.Group"]}, Image={"Ref": "Image"}
            ),
        },
    },
    "network": {
        "Parameters": {"Range": {"Type": "String"}},
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": {"Ref": "Range"}}},
            "FlowLogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
        },
        "Outputs": {"Vpc": {"Value": {"Ref": "Vpc"}}},
    },
    "balancer": {
        "Parameters": {"Vpc": {"Type": "String"}, "Scheme": {"Type": "String"}},
        "Resources": {
            "LoadBalancer": {
                "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
                "Properties": {"Scheme": {"Ref": "Scheme"}},
            },
            "TargetGroup": {
                "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
                "Properties": {"Name": "group", "VpcId": {"Ref": "Vpc"}},
            },
        },
        "Outputs": {"Group": {"Value": {"Ref": "TargetGroup"}}},
    },
    "service": {
        "Parameters": {"Group": {"Type": "String"}, "Image": {"Type": "String"}},
        "Resources": {
            "TaskDefinition": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {"ContainerDefinitions": [{"Image": {"Ref": "Image"}}]},
            },
            "Service": {
                "Type": "AWS::ECS::Service",
                "Properties": {
                    "TaskDefinition": {"Ref": "TaskDefinition"},
                    "LoadBalancers": [{"TargetGroupArn": {"Ref": "Group"}}],
                },
            },
        },
    },
}
EMPTY = Planned("mcp-runtime", DIGEST, False, "", (), (), compare(Catalogue(()), Catalogue(())), (), (), False)
COST = CostChange(
    Amount(70, 82.59, 113.77),
    Amount(95, 110.29, 140),
    (("NAT gateways", always(32.85)), ("Public IPv4 addresses", always(-5.15))),
    True,
)
TARGETS = tuple((f"{number}" * 12, region) for number in range(1, 4) for region in ("us-east-1", "eu-west-1"))


def group(before: dict[str, str] | None, after: dict[str, str], targets: int = 1) -> TargetGroup:
    """Returns what happens to targets whose values change."""
    new = Deployment(TEMPLATES, "root").given(BASE | after)
    old = Deployment(TEMPLATES, "root").given(BASE | before) if before is not None else None
    found = difference(old, new, partial(fixed, "us-east-1"))
    state = "same" if not found else "create" if before is None else "update"
    lasting = estimate(new, found, {}) if found else None
    return TargetGroup(TARGETS[:targets], state, found, warnings(found), lasting)  # type: ignore[arg-type]


def plans() -> dict[str, Planned]:
    """Returns the plans that are drawn, by name."""
    private = {"Scheme": "internal", "Range": "10.99.0.0/16"}
    broken = Changes((Change("echo", True, "echo: the argument `text` is not taken any more."),))
    standing = StackSet("mcp-runtime", "", {p.DELETION_PROTECTION.name: "on"})
    made = group(None, {})
    return {
        "nothing": replace(EMPTY, groups=(group({}, {}, 6),)),
        "first": replace(
            EMPTY,
            image="",
            builds_image=True,
            groups=(made,),
            tools=None,
            touches_set=True,
            foundation=(
                FoundationChange("mcp-runtime-foundation", TARGETS[0][0], "us-east-1", True, made.changes[:3], ()),
            ),
        ),
        "image": replace(
            EMPTY, groups=(group({}, {"Image": BASE["Image"].replace("0" * 64, "1" * 64)}, 6),), touches_set=True
        ),
        "replacing": replace(EMPTY, groups=(group({}, private),), tools=broken, touches_set=True),
        "costly": replace(EMPTY, groups=(replace(group({}, {"Scheme": "internal"}, 3), cost=COST),), touches_set=True),
        "leaving": replace(
            EMPTY, groups=(group({}, {}), target_leaves(TARGETS[1], Instance((), True), standing)), touches_set=True
        ),
    }


def picture(name: str) -> str:
    """Returns a plan as it is printed in a hundred columns."""
    return printed(lambda screen: draw(screen, plans()[name]))


def timeline_picture() -> str:
    """Returns a timeline as it is printed."""
    times = [
        ("NetworkStack", "Vpc", 0, 14),
        ("NetworkStack", "NatGatewayA", 40, 138),
        ("NetworkStack", "S3Endpoint", 20, 31),
        ("LoadBalancerStack", "LoadBalancer", 140, 302),
        ("LoadBalancerStack", "HttpsListener", 303, 306),
        ("ServiceStack", "Service", 310, 521),
        ("GatewayStack", "GatewayTarget", 530, 551),
    ]
    order = ["Vpc", "NatGatewayA", "LoadBalancer", "HttpsListener", "Service", "GatewayTarget"]
    spans = [Span(("1" * 12 + "/us-east-1", stack), name, "", "add", start, end) for stack, name, start, end in times]

    def waits(one: str, other: str) -> bool:
        return one in order and other in order and order.index(one) > order.index(other)

    found = timeline(spans, waits)
    assert found is not None
    return printed(lambda screen: show_timeline(screen, found))


def printed(work: object) -> str:
    """Returns what `work` prints on a console of a hundred columns without colour."""
    stream = io.StringIO()
    assert callable(work)
    work(Console(file=stream, width=100, markup=False, highlight=False))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


@pytest.mark.parametrize("name", ["nothing", "first", "image", "replacing", "costly", "leaving"])
def test_plan(name: str) -> None:
    assert picture(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8"), AGAIN


def test_timeline() -> None:
    assert timeline_picture() == (FOLDER / "timeline.txt").read_text(encoding="utf-8"), AGAIN


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for drawn in plans():
        (FOLDER / f"{drawn}.txt").write_text(picture(drawn), encoding="utf-8")
    (FOLDER / "timeline.txt").write_text(timeline_picture(), encoding="utf-8")

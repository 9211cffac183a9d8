"""What the computed difference says of updates of the real templates, and of shapes that these do not have yet."""

from functools import partial
from typing import Any

import pytest

from deployer.durations import estimate, key_of, spoken
from deployer.replacement import fixed
from deployer.update_diff import ResourceChange, difference
from deployer.update_warnings import warnings
from generator import parameters as p
from generator.evaluation import Deployment
from generator.stacks import template_dicts
from generator.stacks.runtime import FLATTENED_FILE, PARENT_FILE

KNOWLEDGE = partial(fixed, "us-east-1")
GIVEN = {"ImageRegistryAccount": "111122223333", "ImageDigest": "sha256:" + "0" * 64}
BASE = {parameter.name: parameter.default or "" for parameter in p.ALL} | GIVEN


def runtime(file: str = PARENT_FILE, **values: str) -> Deployment:
    """Returns the runtime's templates under values."""
    assert values.keys() <= BASE.keys()
    return Deployment(template_dicts(), file).given({**BASE, **values})


def one(properties: dict[str, Any], kind: str = "AWS::S3::Bucket", **more: Any) -> Deployment:
    """Returns a template with one resource."""
    resource = {"Type": kind, "Properties": properties, **more}
    return Deployment({"x": {"Resources": {"Thing": resource}}}, "x").given({})


def changed(before: Deployment, after: Deployment) -> dict[str, ResourceChange]:
    """Returns the difference by logical id."""
    return {change.logical_id: change for change in difference(before, after, KNOWLEDGE)}


def codes(before: Deployment, after: Deployment) -> list[tuple[str, str]]:
    """Returns the codes of the warnings with the resources."""
    return [(warned.code, warned.where) for warned in warnings(difference(before, after, KNOWLEDGE))]


def test_same_values_change_nothing() -> None:
    assert difference(runtime(), runtime(), KNOWLEDGE) == ()


@pytest.mark.parametrize("file", [PARENT_FILE, FLATTENED_FILE])
def test_new_image_replaces_the_task_definition_and_what_refers_to_it_is_updated(file: str) -> None:
    found = changed(runtime(file), runtime(file, ImageDigest="sha256:" + "1" * 64))
    assert {name: change.action for name, change in found.items()} == {"TaskDefinition": "replace", "Service": "update"}
    assert found["TaskDefinition"].forced_by == ("ContainerDefinitions/0/Image",)
    assert [(one.path, one.follows) for one in found["Service"].properties] == [("TaskDefinition", "TaskDefinition")]
    assert found["Service"].path == (("ServiceStack",) if file == PARENT_FILE else ())


def test_replacement_is_followed_through_nested_stacks_to_its_end() -> None:
    found = changed(runtime(), runtime(VpcCidr="10.99.0.0/16"))
    replaced = {name for name, change in found.items() if change.action == "replace"}
    refused = [warned.where for warned in warnings(found.values()) if warned.code == "refused-by-aws"]
    assert refused == ["NetworkStack/NatGatewayA"]
    assert {"Vpc", "PublicSubnetA", "TaskSecurityGroup", "TargetGroup", "LoadBalancerSecurityGroup"} <= replaced
    assert found["TargetGroup"].forced_by == ("VpcId",)
    assert next(one.follows for one in found["TargetGroup"].properties if one.path == "VpcId") == "Vpc"


def test_what_goes_with_its_data_is_warned_of_and_what_is_kept_is_not() -> None:
    gone = Deployment({"x": {"Resources": {}}}, "x").given({})
    assert codes(one({}), gone) == [("data-loss", "Thing")]
    assert codes(one({}, DeletionPolicy="Retain"), gone) == []
    named, other = {"BucketName": "a"}, {"BucketName": "b"}
    assert codes(one(named), one(other)) == [("data-loss", "Thing")]
    assert codes(one(named, UpdateReplacePolicy="Retain"), one(other, UpdateReplacePolicy="Retain")) == []


def test_shorter_retention_deletes_what_is_older_and_a_longer_one_does_not() -> None:
    production, development = runtime(Preset="production"), runtime(Preset="development")
    lost = {where for code, where in codes(production, development) if code == "data-loss"}
    assert {"ServiceStack/ServerLogGroup", "LoadBalancerStack/AccessLogBucket"} <= lost
    assert "FirewallStack/GatewayWebAclLogGroup" in lost
    assert not [where for code, where in codes(development, production) if code == "data-loss"]


def test_load_balancer_that_becomes_internal_is_replaced_and_its_address_goes() -> None:
    kind = "AWS::ElasticLoadBalancingV2::LoadBalancer"
    before, after = one({"Scheme": "internet-facing"}, kind), one({"Scheme": "internal"}, kind)
    assert changed(before, after)["Thing"].forced_by == ("Scheme",)
    assert codes(before, after) == [("address", "Thing"), ("replaced", "Thing")]


def test_what_is_protected_from_deletion_is_left_behind_when_it_is_replaced() -> None:
    public, private = runtime(DeletionProtection="on"), runtime(DeletionProtection="off", Exposure="private")
    assert ("left-behind", "LoadBalancerStack/LoadBalancer") in codes(public, private)
    assert "left-behind" not in dict(codes(runtime(DeletionProtection="off"), private))
    assert "left-behind" not in dict(codes(public, runtime(DeletionProtection="off")))


def test_what_aws_refuses_though_its_schema_allows_it_is_told() -> None:
    kind = "AWS::BedrockAgentCore::Gateway"
    versions = {"ProtocolConfiguration": {"Mcp": {"SupportedVersions": ["2025-06-18", "2025-11-25"]}}}
    fewer = {"ProtocolConfiguration": {"Mcp": {"SupportedVersions": ["2025-11-25"]}}}
    base = {"Name": "g", "AuthorizerType": "AWS_IAM"}
    assert codes(one(base, kind), one({**base, "AuthorizerType": "NONE"}, kind)) == [("refused-by-aws", "Thing")]
    assert codes(one(base | versions, kind), one(base | fewer, kind)) == [("refused-by-aws", "Thing")]
    assert codes(one(base, kind), one({**base, "Description": "new"}, kind)) == []


def test_replacement_under_a_name_that_stays_is_told_as_refused() -> None:
    kind = "AWS::ElasticLoadBalancingV2::TargetGroup"
    before, after = {"Name": "group", "Port": 80}, {"Name": "group", "Port": 81}
    assert ("refused-by-aws", "Thing") in codes(one(before, kind), one(after, kind))
    assert ("refused-by-aws", "Thing") not in codes(one(before, kind), one({**after, "Name": "other"}, kind))


def test_property_that_replaces_only_sometimes_is_told_so() -> None:
    kind = "AWS::ECS::Service"
    assert changed(one({"LaunchType": "EC2"}, kind), one({"LaunchType": "FARGATE"}, kind))["Thing"].action == (
        "may replace"
    )


def test_resource_of_another_type_under_the_same_name_is_another_one() -> None:
    change = changed(one({}), one({}, "AWS::SNS::Topic"))["Thing"]
    assert (change.action, change.forced_by) == ("replace", ("Type",))


def test_numbers_and_their_text_are_the_same_and_lists_are_told_item_by_item() -> None:
    assert changed(one({"A": [1, True]}), one({"A": ["1", "true"]})) == {}
    (found,) = changed(one({"A": [{"B": 1}, {"B": 2}]}), one({"A": [{"B": 1}, {"B": 3}]}))["Thing"].properties
    assert (found.path, found.before, found.after) == ("A/1/B", "2", "3")


def test_of_lists_that_grow_and_shrink_only_the_items_are_told_that_came_and_went() -> None:
    before, after = one({"A": [{"B": 1}, {"B": 2}, {"B": 3}]}), one({"A": [{"B": 3}, {"B": 4}]})
    told = [(found.path, found.before, found.after) for found in changed(before, after)["Thing"].properties]
    assert told == [("A", "{B: 1}", ""), ("A", "{B: 2}", ""), ("A", "", "{B: 4}")]
    (twice,) = changed(one({"A": [1]}), one({"A": [1, 1]}))["Thing"].properties
    assert (twice.before, twice.after) == ("[1]", "[1, 1]")


def test_type_of_which_no_schema_is_known_is_perhaps_replaced() -> None:
    kind = "AWS::Example::Thing"
    assert changed(one({"A": 1}, kind), one({"A": 2}, kind))["Thing"].action == "may replace"


def test_longest_path_goes_through_nested_stacks_and_prefers_what_was_recorded() -> None:
    after = runtime(ParentDomain="example.com", HostedZoneId="Z0123456789ABCDEFGHIJ")
    everything = difference(None, after, KNOWLEDGE)
    assumed = estimate(after, everything, {})
    names = [name.rpartition("/")[2] for name in assumed.path]
    assert names.index("LoadBalancer") < names.index("Service") < names.index("GatewayTarget")
    assert assumed.recorded == 0
    slow = {key_of("add", "AWS::CertificateManager::Certificate", "Certificate"): 5000.0}
    told = estimate(after, everything, slow)
    assert "CertificateStack/Certificate" in told.path
    assert told.recorded == 1
    assert told.seconds > 5000


def test_seconds_are_told_as_people_say_them() -> None:
    assert [spoken(value) for value in (0.4, 59, 60, 200, 3900)] == ["0 s", "59 s", "1 min", "3 min 20 s", "1 h 5 min"]

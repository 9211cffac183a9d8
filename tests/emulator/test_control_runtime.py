"""The project's own templates, deployed: whole, in both forms, changed, resumed and removed."""

from typing import Any

import pytest

from tests.emulator.control_templates import BASE, DIGEST, Deployer, parameters, put_image, upload_runtime
from tests.emulator.running_emulator import ACCOUNT, RunningEmulator


@pytest.fixture(scope="module")
def values(emulator: RunningEmulator) -> dict[str, str]:
    upload_runtime(emulator)
    put_image(emulator)
    zone = emulator.client("route53").create_hosted_zone(Name="control.example.com", CallerReference="one")
    return {
        "RuntimeName": "demo",
        "ParentDomain": "control.example.com",
        "HostedZoneId": zone["HostedZone"]["Id"].rpartition("/")[2],
        "ImageRegistryAccount": ACCOUNT,
        "ImageDigest": DIGEST,
    }


def leftovers(emulator: RunningEmulator) -> dict[str, list[Any]]:
    """What of a runtime is there, by kind; what every account has from the start is left out."""
    ec2, regional = emulator.client("ec2"), {"Scope": "REGIONAL"}
    nats = ec2.describe_nat_gateways()["NatGateways"]
    return {
        "vpcs": [item["VpcId"] for item in ec2.describe_vpcs()["Vpcs"] if not item["IsDefault"]],
        "addresses": ec2.describe_addresses()["Addresses"],
        "gateways": [item["NatGatewayId"] for item in nats if item["State"] != "deleted"],
        "flow logs": ec2.describe_flow_logs()["FlowLogs"],
        "endpoints": ec2.describe_vpc_endpoints()["VpcEndpoints"],
        "groups": [item for item in ec2.describe_security_groups()["SecurityGroups"] if item["GroupName"] != "default"],
        "interfaces": ec2.describe_network_interfaces()["NetworkInterfaces"],
        "balancers": emulator.client("elbv2").describe_load_balancers()["LoadBalancers"],
        "target groups": emulator.client("elbv2").describe_target_groups()["TargetGroups"],
        "roles": emulator.client("iam").list_roles()["Roles"],
        "logs": emulator.client("logs").describe_log_groups()["logGroups"],
        "pools": emulator.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"],
        "alarms": emulator.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "secrets": emulator.client("secretsmanager").list_secrets()["SecretList"],
        "web acls": emulator.client("wafv2").list_web_acls(**regional)["WebACLs"],
        "firewall logs": emulator.client("wafv2").list_logging_configurations(**regional)["LoggingConfigurations"],
        "targets": emulator.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")[
            "ScalableTargets"
        ],
        "runtimes": emulator.client("bedrock-agentcore-control").list_gateways()["items"],
    }


def drifted(deployer: Deployer, stack: str) -> tuple[str, list[dict[str, Any]]]:
    """A stack's drift and that of its resources which are not as the template says."""
    client = deployer.cloudformation
    identity = client.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
    status = client.describe_stack_drift_detection_status(StackDriftDetectionId=identity)["StackDriftStatus"]
    found = client.describe_stack_resource_drifts(StackName=stack)["StackResourceDrifts"]
    return status, [item for item in found if item["StackResourceDriftStatus"] != "IN_SYNC"]


def test_nested_runtime_is_created_changed_resumed_and_removed(
    emulator: RunningEmulator, values: dict[str, str]
) -> None:
    deployer = Deployer(emulator)
    before = leftovers(emulator)
    made = deployer.create("demo", f"{BASE}/runtime.yaml", values)
    assert made.status == "CREATE_COMPLETE", made.failures
    stack_id = made.stack["StackId"]
    assert made.outputs["EndpointUrl"] == "https://demo.control.example.com/mcp"
    assert made.outputs["ClientSecretArn"].startswith("arn:aws:secretsmanager:")
    assert emulator.resolve("demo.control.example.com")["address"] == "127.0.0.1"

    stacks = deployer.cloudformation.describe_stacks()["Stacks"]
    children = [item for item in stacks if item.get("ParentId") == stack_id]
    assert len(children) > 4 and {item["RootId"] for item in children} == {stack_id}

    listeners = emulator.client("elbv2").describe_listeners(LoadBalancerArn=made.outputs["LoadBalancerArn"])[
        "Listeners"
    ]
    secure = next(item for item in listeners if item["Protocol"] == "HTTPS")
    token_check = secure["DefaultActions"][0]["JwtValidationConfig"]
    assert token_check["Issuer"] == made.outputs["TokenIssuer"]
    assert {claim["Name"] for claim in token_check["AdditionalClaims"]} >= {"scope"}

    production = {**values, "Preset": "production"}
    changed = deployer.update("demo", f"{BASE}/runtime.yaml", production)
    assert changed.status == "UPDATE_COMPLETE", changed.failures
    scaling = emulator.client("application-autoscaling").describe_scaling_policies(ServiceNamespace="ecs")
    assert len(scaling["ScalingPolicies"]) == 3
    firewall = emulator.client("wafv2")
    acl = firewall.get_web_acl_for_resource(ResourceArn=made.outputs["LoadBalancerArn"])["WebACL"]["ARN"]
    assert firewall.get_logging_configuration(ResourceArn=acl)["LoggingConfiguration"]["LogDestinationConfigs"]

    assert emulator.stop() == 0
    emulator.start()
    deployer = Deployer(emulator)
    assert deployer.settled("demo").status == "UPDATE_COMPLETE"
    assert leftovers(emulator)["targets"]

    production |= {"DeletionProtection": "off", "Firewall": "off"}
    without = deployer.update("demo", f"{BASE}/runtime.yaml", production)
    assert (without.status, without.failures) == ("UPDATE_COMPLETE", {})
    assert not leftovers(emulator)["web acls"]
    gone = deployer.delete(stack_id)
    assert gone.status == "DELETE_COMPLETE", gone.failures
    assert leftovers(emulator) == before
    for child in children:
        assert deployer.settled(child["StackId"]).status == "DELETE_COMPLETE"


def test_flat_runtime_is_created_and_removed(emulator: RunningEmulator, values: dict[str, str]) -> None:
    deployer = Deployer(emulator)
    before = leftovers(emulator)
    url = f"https://s3.amazonaws.com/{BASE[8:].partition('.')[0]}/runtime-flat.yaml"
    made = deployer.create("flat", url, {**values, "Exposure": "private"})
    assert made.status == "CREATE_COMPLETE", made.failures
    assert drifted(deployer, made.stack["StackId"]) == ("IN_SYNC", [])
    assert emulator.resolve("demo.control.example.com")["private"] is True
    opened = deployer.update("flat", url, {**values, "Exposure": "public"})
    assert (opened.status, opened.failures) == ("UPDATE_COMPLETE", {})
    assert [item["Scheme"] for item in leftovers(emulator)["balancers"]] == ["internet-facing"]
    assert deployer.update("flat", url, {**values, "Exposure": "private"}).status == "UPDATE_COMPLETE"
    assert deployer.delete(made.stack["StackId"]).status == "DELETE_COMPLETE"
    assert leftovers(emulator) == before


def test_failing_child_rolls_everything_back(emulator: RunningEmulator, values: dict[str, str]) -> None:
    deployer = Deployer(emulator)
    before = leftovers(emulator)
    absent = {**values, "ImageDigest": "sha256:" + "0" * 64}
    failed = deployer.create("broken", f"{BASE}/runtime.yaml", absent)
    assert failed.status == "ROLLBACK_COMPLETE"
    reason = failed.failures["ServiceStack"]
    assert "was not successfully created: The following resource(s) failed to create: [Service]." in reason
    child = reason.partition("Embedded stack ")[2].partition(" ")[0]
    assert "CannotPullContainerError" in deployer.settled(child).failures["Service"]
    assert leftovers(emulator) == before


def test_rules_of_the_template_are_held(emulator: RunningEmulator, values: dict[str, str]) -> None:
    client = emulator.client("cloudformation")
    contradictory = {**values, "ExistingPublicSubnetIds": "subnet-0000000000000001"}
    with pytest.raises(client.exceptions.ClientError, match="SubnetsNeedExistingVpc"):
        client.create_stack(
            StackName="contradictory",
            TemplateURL=f"{BASE}/runtime.yaml",
            Parameters=parameters(contradictory),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )


def test_capabilities_are_asked_for(emulator: RunningEmulator, values: dict[str, str]) -> None:
    client = emulator.client("cloudformation")
    with pytest.raises(client.exceptions.InsufficientCapabilitiesException):
        client.create_stack(
            StackName="incapable", TemplateURL=f"{BASE}/runtime-flat.yaml", Parameters=parameters(values)
        )

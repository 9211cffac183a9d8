"""Each rule of the graph check finds its planted defect and nothing in the templates as they are."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from generator.checks import EVALUATING_QUESTIONS, RULES, TEMPLATE_QUESTIONS, check
from generator.checks.findings import Finding, name_of
from generator.stacks import template_dicts

Templates = dict[str, Any]
Plant = Callable[[Templates], Any]

CLEAN = template_dicts()
RUNTIME = [name for name in CLEAN if not name.startswith("foundation")]


def runtime(form: str) -> Templates:
    """Returns a copy of the nested or of the flattened templates, free to be spoilt."""
    names = ["runtime-flat.yaml"] if form == "flattened" else [n for n in RUNTIME if n != "runtime-flat.yaml"]
    return copy.deepcopy({name: CLEAN[name] for name in names})


def found(templates: Templates, rule: str) -> list[Finding]:
    return [finding for finding in check(templates, rule) if finding.rule == rule]


def resource(templates: Templates, title: str) -> Any:
    return next(t["Resources"][title] for t in templates.values() if title in t["Resources"])


def properties(templates: Templates, title: str) -> Any:
    return resource(templates, title)["Properties"]


def set_property(title: str, name: str, value: Any) -> Plant:
    return lambda templates: properties(templates, title).__setitem__(name, value)


def attribute(title: str, list_name: str, key: str, value: str) -> Plant:
    def plant(templates: Templates) -> None:
        for pair in properties(templates, title)[list_name]:
            if pair["Key"] == key:
                pair["Value"] = value

    return plant


def environment(name: str, value: str) -> Plant:
    def plant(templates: Templates) -> None:
        for pair in properties(templates, "TaskDefinition")["ContainerDefinitions"][0]["Environment"]:
            if isinstance(pair, dict) and pair.get("Name") == name:
                pair["Value"] = value

    return plant


def container(name: str, value: Any) -> Plant:
    return lambda templates: properties(templates, "TaskDefinition")["ContainerDefinitions"][0].__setitem__(name, value)


def statement(action: Any, on: Any, principal: Any = None) -> Plant:
    added = {"Sid": "Planted", "Effect": "Allow", "Action": action, "Resource": on}
    if principal:
        added["Principal"] = principal

    def plant(templates: Templates) -> None:
        policies = properties(templates, "FlowLogRole")["Policies"]
        policies[0]["PolicyDocument"]["Statement"].append(added)

    return plant


def add_resource(title: str, kind: str, **body: Any) -> Plant:
    return lambda templates: next(iter(templates.values()))["Resources"].__setitem__(title, {"Type": kind, **body})


def without_listener(templates: Templates) -> None:
    properties(templates, "ForwardRule")["Actions"] = [
        {"Type": "jwt-validation", "Order": 1, "JwtValidationConfig": {"Issuer": "i", "JwksEndpoint": "j"}},
        {"Type": "fixed-response", "Order": 2, "FixedResponseConfig": {"StatusCode": "404"}},
    ]


def forwards_first(templates: Templates) -> None:
    listener = properties(templates, "HttpsListener")
    listener["DefaultActions"] = [{"Type": "forward", "TargetGroupArn": {"Ref": "TargetGroup"}}]


def plain_forward(templates: Templates) -> None:
    actions = [{"Type": "forward", "TargetGroupArn": {"Ref": "TargetGroup"}}]
    properties(templates, "HttpListener")["DefaultActions"] = actions


def service_first(templates: Templates) -> None:
    resource(templates, "Service").pop("DependsOn", None)
    resource(templates, "Service")["Metadata"].pop("WaitsFor", None)


def scaled_with_count(templates: Templates) -> None:
    properties(templates, "Service")["DesiredCount"] = 2


def second_alarm_dimension(templates: Templates) -> None:
    properties(templates, "CpuHigh")["Dimensions"] = [{"Name": "ClusterName", "Value": "production"}]


def wrong_attribute(templates: Templates) -> None:
    properties(templates, "TargetErrors")["Dimensions"] = [
        {"Name": "LoadBalancer", "Value": {"Fn::GetAtt": ["LoadBalancer", "DNSName"]}}
    ]


def empty_dashboard(templates: Templates) -> None:
    metric = ["AWS/ECS", "CPUUtilization", "ClusterName", "production", "ServiceName", "server"]
    body = '{"widgets": [{"type": "metric", "properties": {"metrics": [["' + '", "'.join(metric) + '"]]}}]}'
    properties(templates, "Dashboard")["DashboardBody"] = body


def unlabelled_scaling(templates: Templates) -> None:
    specification = properties(templates, "RequestScaling")["TargetTrackingScalingPolicyConfiguration"]
    specification["PredefinedMetricSpecification"]["ResourceLabel"] = "app/balancer/1/targetgroup/group/2"


def unknown_alarm(templates: Templates) -> None:
    properties(templates, "Service")["DeploymentConfiguration"]["Alarms"]["AlarmNames"] = ["forgotten"]


def silent_alarm(templates: Templates) -> None:
    for title in ("CallersFail", "NeedsAttention"):
        properties(templates, title).pop("AlarmActions")


MISSPELT = "SELECT SUM(SystemErrors) FROM \"AWS/Bedrock\" WHERE Resource = 'gateway'"
LONELY: dict[str, Any] = {
    "Properties": {
        "Namespace": "AWS/ECS",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "ClusterName", "Value": {"Ref": "Cluster"}}],
    }
}


def first_metric(title: str, key: str, value: object) -> Plant:
    return lambda templates: properties(templates, title)["Metrics"][0].__setitem__(key, value)


def series(title: str, name: str, value: str) -> Plant:
    """Gives the first dimension of an alarm's first series another name and value."""

    def plant(templates: Templates) -> None:
        found = properties(templates, title)["Metrics"][1]["MetricStat"]["Metric"]["Dimensions"][0]
        found.update({"Name": name, "Value": value})

    return plant


def in_dashboard(old: str, new: str) -> Plant:
    def plant(templates: Templates) -> None:
        body = properties(templates, "Dashboard")["DashboardBody"]["Fn::Sub"]
        assert old in body[0]
        body[0] = body[0].replace(old, new)

    return plant


def no_rollback(templates: Templates) -> None:
    properties(templates, "Service")["DeploymentConfiguration"]["DeploymentCircuitBreaker"]["Rollback"] = False


def wrong_container(templates: Templates) -> None:
    properties(templates, "Service")["LoadBalancers"][0]["ContainerPort"] = 8080


def longer_name(templates: Templates) -> None:
    name = properties(templates, "Gateway")["Name"]
    properties(templates, "Gateway")["Name"] = {"Fn::Join": ["-", [name, "g" * 30]]}


def guarded_reference(templates: Templates) -> None:
    properties(templates, "LoadBalancer")["Tags"] = [{"Key": "record", "Value": {"Ref": "AliasRecord"}}]


def guarded_wait(templates: Templates) -> None:
    resource(templates, "LoadBalancer")["Metadata"]["WaitsFor"] = {"Record": {"Ref": "HttpsListener"}}


def guarded_output(templates: Templates) -> None:
    templates["runtime-flat.yaml"]["Outputs"]["ListenerArn"] = {"Value": {"Ref": "HttpsListener"}}


def beyond_the_end(templates: Templates) -> None:
    properties(templates, "PrivateSubnetB")["CidrBlock"] = {
        "Fn::Select": [6, {"Fn::Cidr": [{"Ref": "VpcCidr"}, 6, 12]}]
    }


def same_block(templates: Templates) -> None:
    properties(templates, "PrivateSubnetB")["CidrBlock"] = properties(templates, "PrivateSubnetA")["CidrBlock"]


def internal(templates: Templates) -> None:
    properties(templates, "LoadBalancer")["Scheme"] = "internal"


def private_endpoint(templates: Templates) -> Any:
    return properties(templates, "GatewayTarget")["PrivateEndpoint"]["Fn::If"][1]["ManagedVpcResource"]


def admitted_tasks(templates: Templates) -> None:
    ingress = properties(templates, "LoadBalancerGatewayIngress")
    ingress["SourceSecurityGroupId"] = {"Fn::GetAtt": ["TaskSecurityGroup", "GroupId"]}


def foreign_ingress(templates: Templates) -> None:
    ingress = properties(templates, "TaskIngress")
    del ingress["SourceSecurityGroupId"]
    ingress["CidrIp"] = "10.0.0.0/8"


def all_egress(templates: Templates) -> None:
    egress = properties(templates, "LoadBalancerTaskEgress")
    del egress["DestinationSecurityGroupId"]
    egress.update({"CidrIp": "0.0.0.0/0", "IpProtocol": "-1"})


def trusting_role(templates: Templates) -> None:
    properties(templates, "GatewayRole")["AssumeRolePolicyDocument"]["Statement"][0].pop("Condition")


def unguarded_flows(templates: Templates) -> None:
    properties(templates, "UserPoolClient").pop("AllowedOAuthFlowsUserPoolClient")


def secret_output(templates: Templates) -> None:
    secret = {"Fn::GetAtt": ["UserPoolClient", "ClientSecret"]}
    templates["runtime-flat.yaml"]["Outputs"]["ClientSecret"] = {"Value": secret}


FLATTENED: dict[str, Plant] = {
    "dangling-names": set_property("Vpc", "CidrBlock", {"Ref": "Nowhere"}),
    "unused-declarations": lambda t: t["runtime-flat.yaml"]["Mappings"].__setitem__("Spare", {"a": {"b": "c"}}),
    "described-resources": lambda t: resource(t, "Vpc")["Metadata"].pop("Description"),
    "typed-parameters-may-be-empty": lambda t: t["runtime-flat.yaml"]["Parameters"]["ExistingVpcId"].update(
        {"Type": "AWS::EC2::VPC::Id", "Default": ""}
    ),
    "output-references": guarded_output,
    "conditional-references": guarded_reference,
    "metadata-references": guarded_wait,
    "valid-values": beyond_the_end,
    "template-limits": lambda t: t["runtime-flat.yaml"].__setitem__("Description", "x" * 1025),
    "bounded-names": longer_name,
    "subnets-in-vpc": set_property("PrivateSubnetB", "CidrBlock", "192.168.0.0/20"),
    "subnets-overlap": same_block,
    "open-ingress": set_property("LoadBalancerHttpIngress", "FromPort", 22),
    "task-ingress": foreign_ingress,
    "stated-egress": lambda t: properties(t, "TaskSecurityGroup").pop("SecurityGroupEgress"),
    "narrow-egress": all_egress,
    "target-type": set_property("TargetGroup", "TargetType", "instance"),
    "health-check-path": set_property("TargetGroup", "HealthCheckPath", "ready"),
    "web-acl-scope": set_property("LoadBalancerWebAcl", "Scope", "CLOUDFRONT"),
    "attached-target-group": without_listener,
    "token-first": forwards_first,
    "plain-http": plain_forward,
    "modern-tls": lambda t: properties(t, "HttpsListener").pop("SslPolicy"),
    "internal-exposure": internal,
    "private-endpoint": lambda t: properties(t, "GatewayTarget").pop("PrivateEndpoint"),
    "container-port": wrong_container,
    "desired-count": scaled_with_count,
    "rollback": no_rollback,
    "pinned-image": container("Image", "registry.example.com/server:latest"),
    "connection-times": attribute("LoadBalancer", "LoadBalancerAttributes", "idle_timeout.timeout_seconds", "120"),
    "stopping-times": container("StopTimeout", 30),
    "whole-actions": statement("*", "arn:aws:s3:::bucket"),
    "whole-resources": statement("s3:GetObject", "*"),
    "everybody": statement("s3:GetObject", "arn:aws:s3:::bucket", "*"),
    "confused-deputy": trusting_role,
    "fixed-names": set_property("GatewayRole", "RoleName", "gateway"),
    "service-linked-roles": add_resource("Linked", "AWS::IAM::ServiceLinkedRole", Properties={"AWSServiceName": "ecs"}),
    "oauth-flows": unguarded_flows,
    "literal-secrets": set_property("ClientSecret", "SecretString", "hunter2"),
    "secret-parameters": secret_output,
    "alarm-metrics": second_alarm_dimension,
    "dashboard-metrics": empty_dashboard,
    "scaled-metrics": unlabelled_scaling,
    "named-alarms": unknown_alarm,
    "alarm-topics": silent_alarm,
}

MORE: list[tuple[str, Plant]] = [
    ("alarm-topics", add_resource("Lonely", "AWS::CloudWatch::Alarm", **LONELY)),
    ("alarm-metrics", set_property("CpuHigh", "MetricName", "CPUUsed")),
    (
        "alarm-metrics",
        first_metric("GatewayErrors", "Expression", MISSPELT),
    ),
    ("alarm-metrics", first_metric("GatewayErrors", "Expression", "SELECT SystemErrors")),
    ("alarm-metrics", series("FirewallBlocks", "WebACL", "gateway")),
    ("alarm-metrics", series("FirewallBlocks", "Rules", "ALL")),
    ("alarm-metrics", series("BurnsFastHour", "Runtime", "another")),
    ("dashboard-metrics", in_dashboard("Calls", "Called")),
    ("dashboard-metrics", in_dashboard("{McpAgentRuntime,Runtime,Tool}", "{McpAgentRuntime,Runtime,Name}")),
    ("dashboard-metrics", in_dashboard("SELECT SUM(Invocations)", "SELECT SUM(Invoked)")),
    ("attached-target-group", service_first),
    ("alarm-metrics", wrong_attribute),
    ("alarm-metrics", set_property("CpuHigh", "Dimensions", [])),
    ("alarm-metrics", set_property("LoggedErrors", "MetricName", "Misspelt")),
    ("connection-times", environment("KEEP_ALIVE_SECONDS", "60")),
    ("connection-times", environment("PING_INTERVAL_SECONDS", "60")),
    ("stopping-times", environment("SHUTDOWN_SECONDS", "30")),
    ("pinned-image", container("Image", {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.example.com/server:1"})),
    ("whole-actions", statement("s3:*", "arn:aws:s3:::bucket")),
    ("dangling-names", lambda t: resource(t, "Service").__setitem__("DependsOn", ["Nowhere"])),
    ("dangling-names", set_property("Vpc", "Tags", [{"Key": "a", "Value": {"Fn::Sub": "${Nowhere.Arn}"}}])),
    ("dangling-names", set_property("Vpc", "Tags", {"Fn::If": ["Never", [], []]})),
    ("internal-exposure", admitted_tasks),
    ("internal-exposure", set_property("LoadBalancerGatewayIngress", "ToPort", 444)),
    ("private-endpoint", lambda t: properties(t, "LoadBalancer").pop("Scheme")),
    ("private-endpoint", lambda t: private_endpoint(t).__setitem__("RoutingDomain", "elsewhere.example.com")),
    ("private-endpoint", set_property("LoadBalancerGatewayIngress", "FromPort", 80)),
    ("open-ingress", lambda t: properties(t, "LoadBalancer").__setitem__("SecurityGroups", [])),
    ("container-port", lambda t: properties(t, "Service")["LoadBalancers"][0].__setitem__("ContainerName", "web")),
    ("dashboard-metrics", set_property("Dashboard", "DashboardBody", "{")),
]


def _parameter(child: str, name: str) -> Any:
    return {"Type": "String", "Description": f"{child} {name}."}


NESTED: dict[str, Plant] = {
    "unique-ids": lambda t: t["service.yaml"]["Resources"].__setitem__(
        "Vpc", {"Type": "AWS::SNS::Topic", "Metadata": {"Description": "Twice."}}
    ),
    "child-parameters": lambda t: properties(t, "ServiceStack")["Parameters"].pop("TargetGroupArn"),
    "child-outputs": lambda t: t["network.yaml"]["Outputs"].__setitem__("Spare", {"Value": "x"}),
    "unconditional-outputs": lambda t: t["network.yaml"]["Outputs"]["VpcId"].__setitem__("Condition", "CreatesVpc"),
    "mistyped-parameters": lambda t: properties(t, "ServiceStack")["Parameters"].__setitem__(
        "TargetGroupArn", {"Fn::GetAtt": ["NetworkStack", "Outputs.PrivateSubnetIds"]}
    ),
    "stack-references": lambda t: properties(t, "NetworkStack").__setitem__("Tags", {"Ref": "FirewallStack"}),
}

MORE_NESTED: list[tuple[str, Plant]] = [
    ("child-parameters", lambda t: properties(t, "ServiceStack")["Parameters"].__setitem__("Nobody", "x")),
    ("child-outputs", lambda t: t["network.yaml"]["Outputs"].pop("VpcId")),
    ("mistyped-parameters", lambda t: properties(t, "ServiceStack")["Parameters"].__setitem__("PrivateSubnetIds", "a")),
    ("mistyped-parameters", lambda t: properties(t, "ServiceStack")["Parameters"].__setitem__("HostName", ["a", "b"])),
    ("unused-declarations", lambda t: t["network.yaml"]["Parameters"].__setitem__("Spare", _parameter("a", "b"))),
    ("attached-target-group", without_listener),
]


def cases(planted: list[tuple[str, Plant]]) -> list[Any]:
    return [pytest.param(rule, plant, id=f"{rule}-{number}") for number, (rule, plant) in enumerate(planted)]


def test_templates_are_clean() -> None:
    assert check(CLEAN) == []


def test_every_rule_has_a_planted_defect() -> None:
    names = {rule.name for rule in RULES} | {
        name_of(question) for question in (*TEMPLATE_QUESTIONS, *EVALUATING_QUESTIONS)
    }
    assert names == FLATTENED.keys() | NESTED.keys()


def test_every_rule_says_in_one_sentence_what_holds() -> None:
    questions = [rule.question or rule.of_property or rule.of_part for rule in RULES]
    for question in (*questions, *TEMPLATE_QUESTIONS, *EVALUATING_QUESTIONS):
        assert question is not None
        assert (question.__doc__ or "").count("\n") == 0
        assert (question.__doc__ or "").endswith(".")


@pytest.mark.parametrize(("rule", "plant"), cases([*FLATTENED.items(), *MORE]))
def test_planted_defect_is_found_in_one_template(rule: str, plant: Plant) -> None:
    templates = runtime("flattened")
    plant(templates)
    findings = found(templates, rule)
    assert findings
    for finding in findings:
        assert finding.template == "runtime-flat.yaml"
        assert finding.sentence.endswith(".")


@pytest.mark.parametrize(("rule", "plant"), cases([*NESTED.items(), *MORE_NESTED]))
def test_planted_defect_is_found_across_templates(rule: str, plant: Plant) -> None:
    templates = runtime("nested")
    plant(templates)
    assert found(templates, rule)


def test_reason_beside_the_resource_admits_a_wildcard() -> None:
    templates = runtime("flattened")
    statement("s3:*", "*")(templates)
    assert found(templates, "whole-resources")
    assert found(templates, "whole-actions")
    resource(templates, "FlowLogRole")["Metadata"]["Wildcards"] = {"Planted": "AWS has nothing narrower."}
    assert not found(templates, "whole-resources")
    assert not found(templates, "whole-actions")


def test_all_actions_are_admitted_by_no_reason() -> None:
    templates = runtime("flattened")
    statement("*", "*")(templates)
    resource(templates, "FlowLogRole")["Metadata"]["Wildcards"] = {"Planted": "Convenient."}
    assert found(templates, "whole-actions")


@pytest.mark.parametrize("source", ["10.0.0.0/8", "0.0.0.0/0", "203.0.113.7/32"])
def test_holding_rule_must_match_nobody(source: str) -> None:
    templates = runtime("flattened")
    rule = properties(templates, "ForwardRule")["Conditions"]["Fn::If"][2]
    rule[0]["SourceIpConfig"]["Values"] = [source]
    assert found(templates, "plain-http")

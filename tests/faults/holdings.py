"""Everything that an emulated account holds, as lines that are equal for equal deployments.

What AWS makes up is taken out: the physical id of a stack's resource becomes the resource's place in the stacks, so
that one that belongs to no stack stands out, and identifiers and times that are left become one word each.
"""

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

Client = Callable[[str], Any]
"""Makes a client of a service."""

_ROOT: Final = re.compile(r"StackSet-(?P<set>.+)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MADE_UP: Final = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(Z|\+00:00)?"), "<time>"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12,}"), "<id>"),
    (re.compile(r"(?<![0-9A-Za-z:])(?!\d{12}(?!\w))[0-9a-f]{8,}(?![0-9A-Za-z])"), "<id>"),
    (re.compile(r"(?<![0-9A-Fa-f]{20})[0-9A-Fa-f]{13}(?![0-9A-Za-z])"), "<id>"),
    (re.compile(r"(?<=-)(?=[0-9a-z]*\d)[0-9a-z]{8,}(?![0-9a-z])"), "<id>"),
    (re.compile(r"(?<=-)[0-9a-z]{8}(?=\.[0-9a-z-]+\.elb\.)"), "<id>"),
    (re.compile(r"(?<=_)[0-9A-Za-z]{9}(?![0-9A-Za-z])"), "<id>"),
    (re.compile(r"\bZ[0-9A-Z]{12,}\b"), "<id>"),
)
_LETTERS: Final = re.compile(r"[a-z]{12,}$|[A-Z]{10,}$")
DRAINING_SECONDS: Final = 60.0
_SETTLED: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE")

_LISTS: Final[tuple[tuple[str, str, dict[str, Any], str, tuple[str, ...]], ...]] = (
    ("acm", "list_certificates", {}, "CertificateSummaryList", ("DomainName", "Status")),
    ("bedrock-agentcore-control", "list_gateways", {}, "items", ("name", "status")),
    ("bedrock-agentcore-control", "list_oauth2_credential_providers", {}, "credentialProviders", ("name",)),
    ("cloudwatch", "describe_alarms", {}, "MetricAlarms", ("AlarmName",)),
    ("cloudwatch", "list_dashboards", {}, "DashboardEntries", ("DashboardName",)),
    ("cognito-idp", "list_user_pools", {"MaxResults": 60}, "UserPools", ("Name",)),
    ("ec2", "describe_addresses", {}, "Addresses", ("AllocationId",)),
    ("ec2", "describe_flow_logs", {}, "FlowLogs", ("FlowLogId",)),
    ("ec2", "describe_internet_gateways", {}, "InternetGateways", ("InternetGatewayId",)),
    ("ec2", "describe_nat_gateways", {}, "NatGateways", ("NatGatewayId", "State")),
    ("ec2", "describe_security_groups", {}, "SecurityGroups", ("GroupId", "GroupName")),
    ("ec2", "describe_subnets", {}, "Subnets", ("SubnetId", "CidrBlock")),
    ("ec2", "describe_vpc_endpoints", {}, "VpcEndpoints", ("VpcEndpointId",)),
    ("ec2", "describe_vpcs", {}, "Vpcs", ("VpcId", "CidrBlock")),
    ("ecs", "list_clusters", {}, "clusterArns", ()),
    ("ecs", "list_task_definitions", {"status": "ACTIVE"}, "taskDefinitionArns", ()),
    ("elbv2", "describe_load_balancers", {}, "LoadBalancers", ("LoadBalancerName",)),
    ("elbv2", "describe_target_groups", {}, "TargetGroups", ("TargetGroupArn",)),
    ("iam", "list_policies", {"Scope": "Local"}, "Policies", ("PolicyName",)),
    ("iam", "list_roles", {}, "Roles", ("RoleName",)),
    ("logs", "describe_log_groups", {}, "logGroups", ("logGroupName", "retentionInDays")),
    ("secretsmanager", "list_secrets", {}, "SecretList", ("Name",)),
    ("sns", "list_topics", {}, "Topics", ("TopicArn",)),
    ("wafv2", "list_web_acls", {"Scope": "REGIONAL"}, "WebACLs", ("Name",)),
)
"""Services' own lists: the service, the operation, its arguments, where the list stands and what is read of each."""


def held(client: Client, emulator: int) -> Counter[str]:
    """Returns a line for each thing that the account holds; `emulator` is the process that runs the tasks."""
    stacks = list(_stacks(client("cloudformation")))
    names = {one["StackId"]: _ROOT.sub(r"StackSet-\g<set>", one["StackName"]) for one in stacks}
    resources = {one["StackId"]: _resources(client("cloudformation"), one["StackId"]) for one in stacks}
    paths = _paths(names, resources)
    places = _places(paths, resources)

    def digest(text: str) -> str:
        return "sha256:" + hashlib.sha256(_plain(text, places).encode()).hexdigest()

    lines = [
        *_of_stacks(client("cloudformation"), stacks, paths, resources, digest),
        *_of_stack_sets(client("cloudformation"), digest),
        *_of_storage(client),
        *_of_zones(client("route53")),
        *_of_services(client),
        *_of_lists(client),
        f"server processes: {_settled_servers(client('ecs'), emulator)}",
    ]
    return Counter(_plain(line, places) for line in lines)


def differences(found: Counter[str], wanted: Counter[str]) -> list[str]:
    """Returns what is found and not wanted, and what is wanted and not found."""
    return [f"too much: {line}" for line in sorted((found - wanted).elements())] + [
        f"missing: {line}" for line in sorted((wanted - found).elements())
    ]


def _plain(line: str, places: Mapping[str, str]) -> str:
    for physical, place in places.items():
        line = line.replace(physical, place)
    for pattern, word in _MADE_UP:
        line = pattern.sub(word, line)
    return line


def _stacks(client: Any) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("describe_stacks").paginate():
        yield from (one for one in page["Stacks"] if one["StackStatus"] != "DELETE_COMPLETE")


def _resources(client: Any, stack_id: str) -> list[dict[str, Any]]:
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
    return [one for page in pages for one in page["StackResourceSummaries"]]


def _paths(names: Mapping[str, str], resources: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Returns each stack's path: the root's name and the logical ids down to the stack."""
    parents = {
        one.get("PhysicalResourceId", ""): (stack_id, one["LogicalResourceId"])
        for stack_id, found in resources.items()
        for one in found
        if one["ResourceType"] == "AWS::CloudFormation::Stack"
    }

    def path(stack_id: str) -> str:
        if stack_id not in parents:
            return names[stack_id]
        parent, logical_id = parents[stack_id]
        return f"{path(parent)}/{logical_id}"

    return {stack_id: path(stack_id) for stack_id in names}


def _places(paths: Mapping[str, str], resources: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Returns what stands for each physical id, and for the name that ends an ARN; the longest come first."""
    found = {stack_id: f"<{path}>" for stack_id, path in paths.items()}
    found |= {stack_id.split("/")[1]: f"<{path}>" for stack_id, path in paths.items()}
    for stack_id, items in resources.items():
        for one in items:
            place = f"<{paths[stack_id]}/{one['LogicalResourceId']}>"
            physical = one.get("PhysicalResourceId") or ""
            for text in (physical, re.split(r"[/:|]", physical)[-1]):
                if _is_made_up(text):
                    found.setdefault(text, place)
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def _is_made_up(text: str) -> bool:
    """Returns whether a physical id looks as if AWS had made it up, not a template: a number of random letters."""
    if len(text) >= 20 or _LETTERS.match(text):
        return True
    return len(text) >= 8 and any(letter.isdigit() for letter in text)


def _of_stacks(
    client: Any,
    stacks: Iterable[dict[str, Any]],
    paths: Mapping[str, str],
    resources: Mapping[str, list[dict[str, Any]]],
    digest: Callable[[str], str],
) -> Iterator[str]:
    for stack in stacks:
        path = paths[stack["StackId"]]
        body = client.get_template(StackName=stack["StackId"])["TemplateBody"]
        text = body if isinstance(body, str) else json.dumps(body, sort_keys=True)
        yield f"stack {path}: {_settled(stack['StackStatus'])}, template {digest(text)}"
        for item in stack.get("Parameters", []):
            yield f"stack {path}: parameter {item['ParameterKey']}={item['ParameterValue']}"
        for item in stack.get("Outputs", []):
            yield f"stack {path}: output {item['OutputKey']}={item['OutputValue']}"
        for item in stack.get("Tags", []):
            yield f"stack {path}: tag {item['Key']}={item['Value']}"
        for one in resources[stack["StackId"]]:
            told = f"{one['LogicalResourceId']} {one['ResourceType']} {_settled(one['ResourceStatus'])}"
            yield f"stack {path}: resource {told}"


def _of_stack_sets(client: Any, digest: Callable[[str], str]) -> Iterator[str]:
    for summary in client.list_stack_sets(Status="ACTIVE")["Summaries"]:
        name = summary["StackSetName"]
        found = client.describe_stack_set(StackSetName=name)["StackSet"]
        parameters = sorted((item["ParameterKey"], item["ParameterValue"]) for item in found["Parameters"])
        told = [digest(found["TemplateBody"]), parameters, found.get("Description"), found.get("Tags")]
        yield f"stack set {name}: {json.dumps(told)}"
        for operation in client.list_stack_set_operations(StackSetName=name)["Summaries"]:
            if operation["Status"] in ("RUNNING", "QUEUED", "STOPPING"):
                yield f"stack set {name}: operation {operation['Action']} {operation['Status']}"
        for one in client.list_stack_instances(StackSetName=name)["Summaries"]:
            account, region = one["Account"], one["Region"]
            instance = client.describe_stack_instance(
                StackSetName=name, StackInstanceAccount=account, StackInstanceRegion=region
            )["StackInstance"]
            overrides = sorted(
                (item["ParameterKey"], item["ParameterValue"]) for item in instance["ParameterOverrides"]
            )
            detailed = instance["StackInstanceStatus"]["DetailedStatus"]
            yield f"stack set {name}: {account} {region} {instance['Status']} {detailed} {json.dumps(overrides)}"


def _of_storage(client: Client) -> Iterator[str]:
    s3 = client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        yield f"bucket {name}"
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            for item in page.get("Contents", []):
                if item["Key"].startswith("timelines/"):
                    # How long things took, as far as somebody looked on: nothing that a deployment stands on.
                    continue
                if item["Key"].startswith("synchronized/"):
                    # It is named by the gateway and holds a time.
                    yield f"bucket {name}: record of a synchronization"
                else:
                    yield f"bucket {name}: {item['Key']} {item['Size']} {item['ETag']}"
    ecr = client("ecr")
    for repository in ecr.describe_repositories()["repositories"]:
        name = repository["repositoryName"]
        yield f"repository {name}"
        for image in ecr.describe_images(repositoryName=name)["imageDetails"]:
            yield f"repository {name}: {image['imageDigest']} {sorted(image.get('imageTags', []))}"


def _of_zones(route53: Any) -> Iterator[str]:
    for zone in route53.list_hosted_zones()["HostedZones"]:
        yield f"zone {zone['Name']}"
        for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
            if record["Type"] not in ("NS", "SOA"):
                yield f"zone {zone['Name']}: {record['Type']} {record['Name']}"


def _of_services(client: Client) -> Iterator[str]:
    ecs = client("ecs")
    for cluster in ecs.list_clusters()["clusterArns"]:
        arns = ecs.list_services(cluster=cluster)["serviceArns"]
        for service in ecs.describe_services(cluster=cluster, services=arns)["services"] if arns else []:
            counts = (
                f"{service['runningCount']} of {service['desiredCount']}, {len(service['deployments'])} deployments"
            )
            yield f"service {service['serviceName']}: {service['status']} {counts}"
    agentcore = client("bedrock-agentcore-control")
    for gateway in agentcore.list_gateways()["items"]:
        for target in agentcore.list_gateway_targets(gatewayIdentifier=gateway["gatewayId"])["items"]:
            yield f"gateway {gateway['name']}: target {target['name']} {target['status']}"
    scaling = client("application-autoscaling")
    for target in scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]:
        yield f"scalable target {target['ResourceId']}: {target['MinCapacity']} to {target['MaxCapacity']}"
    for policy in scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]:
        yield f"scaling policy {policy['PolicyName']} of {policy['ResourceId']}"


def _of_lists(client: Client) -> Iterator[str]:
    for service, operation, arguments, key, read in _LISTS:
        for one in getattr(client(service), operation)(**arguments)[key]:
            told = " ".join(str(one.get(name, "")) for name in read) if read else one
            yield f"{service} {key}: {told}"


def _settled_servers(ecs: Any, emulator: int) -> int:
    """Returns how many processes run the server, once they are as many as the tasks: a stopped one may still drain."""
    deadline = time.monotonic() + DRAINING_SECONDS
    while True:
        clusters = ecs.list_clusters()["clusterArns"]
        tasks = sum(len(ecs.list_tasks(cluster=cluster)["taskArns"]) for cluster in clusters)
        found = len(_servers(emulator))
        if found == tasks or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _servers(emulator: int) -> list[int]:
    """Returns the server's processes, children of the emulator's."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == emulator and b"server" in words:
            found.append(int(folder.name))
    return found


def _settled(status: str) -> str:
    """Returns one word for a stack or resource that stands, whether it was made or brought to it."""
    return "COMPLETE" if status in _SETTLED else status

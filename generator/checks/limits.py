"""CloudFormation's limits, and the names that AWS bounds.

Sources: CloudFormation user guide, "Understand CloudFormation quotas"; for names, the resource provider schemas and
the service models of botocore (`elbv2 CreateLoadBalancer.Name`, `bedrock-agentcore-control CreateGateway.name`, …).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from generator.checks.domain import longest
from generator.checks.findings import Defect, Finding, Rule, ask, at
from generator.evaluation import PSEUDO, Deployment, Stack
from generator.symbols import SYMBOLIC, canonical

LARGEST_TEMPLATE: Final = 1_000_000
LARGEST_DESCRIPTION: Final = 1024
LARGEST_SECTIONS: Final = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
LARGEST_MAPPING: Final = 200
LONGEST_NAMES: Final = {"Resources": 255, "Parameters": 255, "Outputs": 255, "Mappings": 255, "Conditions": 255}
LARGEST_PARAMETER_DESCRIPTION: Final = 4000

BOUNDED_NAMES: Final = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {"Name": 32},
    "AWS::ElasticLoadBalancingV2::TargetGroup": {"Name": 32},
    "AWS::BedrockAgentCore::Gateway": {"Name": 48},
    "AWS::BedrockAgentCore::GatewayTarget": {"Name": 100},
    "AWS::BedrockAgentCore::OAuth2CredentialProvider": {"Name": 128},
    "AWS::BedrockAgentCore::GatewayRateLimit": {"Name": 100, "RateLimitId": 64},
    "AWS::BedrockAgentCore::PolicyEngine": {"Name": 48},
    "AWS::Cognito::UserPool": {"UserPoolName": 128},
    "AWS::Cognito::UserPoolDomain": {"Domain": 63},
    "AWS::Cognito::UserPoolClient": {"ClientName": 128},
    "AWS::WAFv2::WebACL": {"Name": 128},
    "AWS::CloudWatch::Alarm": {"AlarmName": 255},
    "AWS::CloudWatch::CompositeAlarm": {"AlarmName": 255},
    "AWS::CloudWatch::Dashboard": {"DashboardName": 255},
    "AWS::ECR::Repository": {"RepositoryName": 256},
    "AWS::ECS::TaskDefinition": {"Family": 255},
    "AWS::IAM::Role": {"RoleName": 64},
    "AWS::Logs::LogGroup": {"LogGroupName": 512},
    "AWS::SNS::Topic": {"TopicName": 256},
    "AWS::S3::Bucket": {"BucketName": 63},
}
LONGEST_REGION: Final = "ap-southeast-1"


def template_limits(deployment: Deployment) -> Iterator[Finding]:
    """Every template keeps within CloudFormation's limits on size, counts, names and descriptions."""
    for stack in deployment.stacks.values():
        for path, sentence in _excesses(stack):
            yield at(Finding(stack.file, "", path, "", sentence), template_limits)


def _excesses(stack: Stack) -> Iterator[tuple[str, str]]:
    size = len(json.dumps(stack.template, default=str).encode())
    if size > LARGEST_TEMPLATE:
        yield "", f"{stack.file} has {size} bytes; CloudFormation takes {LARGEST_TEMPLATE}."
    if len(str(stack.template.get("Description", "")).encode()) > LARGEST_DESCRIPTION:
        yield "Description", f"The description of {stack.file} has more than {LARGEST_DESCRIPTION} bytes."
    for section, most in LARGEST_SECTIONS.items():
        count = len(stack.section(section))
        if count > most:
            yield section, f"{stack.file} has {count} {section.lower()}; CloudFormation takes {most}."
    for section, most in LONGEST_NAMES.items():
        for name in stack.section(section):
            if len(name) > most:
                yield f"{section}.{name}", f"{name[:20]}… has {len(name)} characters; CloudFormation takes {most}."
    for name, rows in stack.section("Mappings").items():
        for keys in (rows, *rows.values()):
            if len(keys) > LARGEST_MAPPING:
                yield f"Mappings.{name}", f"Mapping {name} has more than {LARGEST_MAPPING} keys at one level."
    for name, declaration in stack.section("Parameters").items():
        if len(declaration.get("Description", "")) > LARGEST_PARAMETER_DESCRIPTION:
            yield f"Parameters.{name}", f"The description of {name} is longer than {LARGEST_PARAMETER_DESCRIPTION}."


def bounded_names(deployment: Deployment) -> Iterator[Finding]:
    """Names that AWS bounds fit for the longest values that the root's parameters admit, in the longest Region."""
    root = deployment.root
    templates = {stack.file: stack.template for stack in deployment.stacks.values()}
    extreme = Deployment(templates, root.file, {**PSEUDO, "AWS::Region": LONGEST_REGION})
    yield from ask(Rule(_bounded_names, tuple(BOUNDED_NAMES)), extreme, longest(extreme))


def _bounded_names(deployment: Deployment, title: str) -> Iterator[Defect]:
    for name, most in BOUNDED_NAMES[deployment.type(title)].items():
        value = deployment.property(title, name)
        length = len(_known_text(value))
        if length > most:
            yield Defect(f"Properties.{name}", f"{name} of {title} can have {length} characters; AWS takes {most}.")


def _known_text(value: Any) -> str:
    if isinstance(value, SYMBOLIC):
        return "".join(part for part in getattr(value, "parts", ()) if isinstance(part, str))
    return "" if value is None or isinstance(value, Mapping) else str(canonical(value))


TEMPLATE_QUESTIONS = (template_limits,)
EVALUATING_QUESTIONS = (bounded_names,)

"""Writes `generator/deployer_permissions.py`: the IAM actions behind every call that `deployer/` can make to AWS.

The source is the code itself: each name of an operation that a module of `deployer/` uses, as an attribute or as a text
(paginators, waiters, calls by name), held against botocore's service models for the services whose clients the code
makes. IAM names an action as the API names the operation but for those in `ACTIONS` (Service Authorization Reference,
"Actions, resources, and condition keys for Amazon S3": the column of API operations). Run
`python -m scripts.deployer_permissions` when `deployer/` gains a call; a test says when that is so.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final

import botocore.session
from botocore import xform_name
from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource

ROOT: Final = Path(__file__).resolve().parent.parent
MODULE: Final = ROOT / "generator" / "deployer_permissions.py"
PREFIXES: Final[Mapping[str, str]] = {
    "bedrock-agentcore-control": "bedrock-agentcore",
    "elbv2": "elasticloadbalancing",
    "service-quotas": "servicequotas",
}
"""What IAM calls a service where boto3 has another name for it."""
ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "s3:DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "s3:HeadBucket": ("s3:ListBucket",),
    # Without ListBucket an object that is not there is told as 403, not 404 (S3 API reference, HeadObject).
    "s3:HeadObject": ("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
}
"""Calls that IAM allows under other names than their own."""
WORDS: Final = frozenset({"account", "config", "events", "health"})
"""Texts in the code that are no services though boto3 has services of these names."""
OWN: Final = frozenset({"verify"})
"""Names in the code that a service has an operation of, and that are options of the command line."""
MEANT: Final[Mapping[str, str]] = {
    "describe_images": "ecr",
    "describe_services": "ecs",
    "list_policies": "bedrock-agentcore-control",
}
"""The service that is meant by a name which several have, in a module that does not tell it."""
LOCAL: Final[Mapping[str, str]] = {"route53:CreateHostedZone": "only with --local is a zone made"}
ELSEWHERE: Final[Mapping[str, str]] = {
    "bedrock-agentcore:GatewayGetWebACLForResource": "AWS WAF asks for it beside its own (AgentCore guide, AWS WAF)",
    "bedrock-agentcore:InvokeGateway": "calls of the gateway are signed HTTP requests, not calls of boto3",
    "ecr:GetAuthorizationToken": "the sign-in of a container builder",
    "iam:PassRole": "a stack set is given its administration role",
    "s3:GetObject": "CloudFormation reads packaged templates with the caller's credentials",
    "s3:GetObjectVersion": "the same, of a version",
}
"""What is needed besides, with the reason."""


@cache
def calls() -> dict[str, frozenset[str]]:
    """Returns the operations that `deployer/` names, by boto3's name of their service, as the API names them.

    A name that two services have counts for those whose client the module makes or is handed, and for all that have it
    where the module makes none of them.
    """
    made = {path: _clients(path) for path in sorted((ROOT / "deployer").rglob("*.py"))}
    services = frozenset[str]().union(*made.values())
    found: dict[str, set[str]] = {}
    for path, own in made.items():
        for name in _names(path) - OWN:
            having = {service: _matching(service, name) for service in sorted(services)}
            meant = {MEANT[name]} if name in MEANT else own
            held = {service: names for service, names in having.items() if names and service in meant}
            for service, operated in (held or having).items():
                found.setdefault(service, set()).update(operated)
    return {service: frozenset(names) for service, names in sorted(found.items()) if names}


def permissions() -> dict[str, tuple[str, ...]]:
    """Returns the IAM actions that `deployer/` needs for its own calls, sorted, by the service as IAM names it."""
    needed = {
        action for service, names in calls().items() for name in names for action in actions(service, name)
    } - LOCAL.keys()
    grouped: dict[str, list[str]] = {}
    for action in sorted(needed | ELSEWHERE.keys()):
        grouped.setdefault(action.partition(":")[0], []).append(action)
    return {service: tuple(found) for service, found in grouped.items()}


def unknown() -> list[str]:
    """Returns the actions that IAM's catalogue, as cfn-lint carries it, does not have."""
    catalogue: dict[str, Any] = load_resource(AdditionalSpecs, "Policies.json")
    return [
        action
        for service, found in permissions().items()
        for action in found
        if action.partition(":")[2].lower() not in catalogue[service]["Actions"]
    ]


def actions(service: str, operation: str) -> tuple[str, ...]:
    """Returns the IAM actions behind an operation of a service that boto3 names so."""
    action = f"{PREFIXES.get(service, service)}:{operation}"
    return ACTIONS.get(action, (action,))


@cache
def operations(service: str) -> Mapping[str, str]:
    """Returns a service's operations by the names of boto3's methods."""
    model = botocore.session.Session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


def _clients(path: Path) -> frozenset[str]:
    known = botocore.session.Session().get_available_services()
    return frozenset(text for text in _texts(path) if text in known) - WORDS


def _matching(service: str, name: str) -> set[str]:
    if "*" not in name:
        return {operations(service)[name]} if name in operations(service) else set()
    return {operation for method, operation in operations(service).items() if fnmatchcase(method, name)}


def _names(path: Path) -> set[str]:
    """Returns what may be a method's name: attributes, texts, and texts with parts that are computed, as patterns."""
    found = {text for text in _texts(path) if "*" not in text}
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values]
            if re.fullmatch(r"[a-z_*]*_[a-z]{3,}_[a-z_*]{3,}", text := "".join(parts)):
                found.add(text)
    return found


def _texts(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_text() -> str:
    """Returns the text of the generated module."""
    lines = [
        '"""What the calls of `deployer/` need, by service; made by `python -m scripts.deployer_permissions`."""',
        "",
        "from typing import Final",
        "",
        "DEPLOYER_PERMISSIONS: Final[dict[str, tuple[str, ...]]] = {",
    ]
    for service, found in permissions().items():
        lines.append(f'    "{service}": (')
        lines.extend(f'        "{action}",' for action in found)
        lines.append("    ),")
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    MODULE.write_text(module_text(), encoding="utf-8")

"""Who may do what: policies, fixed names, token clients, and secrets that must not be in a template.

Sources: IAM user guide, "Grant least privilege";
Cognito `CreateUserPoolClient` (flows count only with `AllowedOAuthFlowsUserPoolClient`).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from generator.checks.findings import Defect, Finding, Rule, at, document, walk
from generator.evaluation import Deployment
from generator.symbols import SYMBOLIC, scalar

FIXED_NAMES: Final = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
}
NAMED_ROLES: Final = ("AdministrationRole", "ExecutionRole", "LaunchRole")
"""Roles that other accounts must be able to name (CloudFormation user guide, "Grant self-managed permissions";
Service Catalog administrator guide, "Launch constraints" with a local role name)."""

TIME_UNITS: Final = ("seconds", "minutes", "hours", "days")
SECRET_NAMES: Final = re.compile(r"(password|secretstring|clientsecret|apikey|privatekey|token)$", re.IGNORECASE)


def whole_actions(deployment: Deployment, title: str, name: str) -> Iterator[Defect]:
    """No statement allows all actions; all actions of one service only with a reason in `Metadata.Wildcards`."""
    for path, statement in _statements(deployment, title, name):
        if statement.get("Effect") != "Allow":
            continue
        for action in _listed(statement.get("Action")):
            if action == "*" or (str(action).endswith(":*") and not _reason(deployment, title, statement)):
                yield Defect(path, f"{title} allows {action}.")
        if "NotAction" in statement:
            yield Defect(path, f"{title} allows all actions but some.")


def whole_resources(deployment: Deployment, title: str, name: str) -> Iterator[Defect]:
    """A statement allows anything on all resources only with a reason in `Metadata.Wildcards`, by Sid."""
    for path, statement in _statements(deployment, title, name):
        if statement.get("Effect") != "Allow" or "*" not in _listed(statement.get("Resource")):
            continue
        actions = [str(action) for action in _listed(statement.get("Action"))]
        if actions and not _reason(deployment, title, statement):
            more = f" and {len(actions) - 2} more" if len(actions) > 2 else ""
            named = ", ".join(actions[:2])
            yield Defect(path, f"{title} allows {named}{more} on all resources without a reason in its metadata.")


def everybody(deployment: Deployment, title: str, name: str) -> Iterator[Defect]:
    """No policy allows everybody without a condition."""
    for path, statement in _statements(deployment, title, name):
        principal = statement.get("Principal")
        anybody = principal == "*" or (isinstance(principal, Mapping) and "*" in _listed(principal.get("AWS")))
        if anybody and statement.get("Effect") == "Allow" and not statement.get("Condition"):
            yield Defect(path, f"{title} allows everybody.")


def confused_deputy(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A role that a service assumes on behalf of a resource is bound to this account, where the service says so."""
    trust = document(deployment.property(title, "AssumeRolePolicyDocument")) or {}
    for index, statement in enumerate(_listed(trust.get("Statement"))):
        services = _listed((statement.get("Principal") or {}).get("Service"))
        if "bedrock-agentcore.amazonaws.com" in services and "aws:SourceAccount" not in str(statement.get("Condition")):
            path = f"Properties.AssumeRolePolicyDocument.Statement[{index}]"
            yield Defect(path, f"{title} trusts the gateway service on behalf of any account.")


def fixed_names(deployment: Deployment, title: str) -> Iterator[Defect]:
    """Identities have no fixed names, but for the roles that other accounts must be able to name, by parameter."""
    name = FIXED_NAMES[deployment.type(title)]
    expression = deployment.body(title).get("Properties", {}).get(name)
    if expression is None:
        return
    if title not in NAMED_ROLES:
        yield Defect(f"Properties.{name}", f"{title} has a fixed name: it cannot be launched twice in an account.")
    elif isinstance(expression, str):
        yield Defect(f"Properties.{name}", f"The name of {title} is no parameter.")


def service_linked_roles(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A service-linked role is never declared: a second stack could not create it again."""
    yield Defect("Type", f"{title} declares a service-linked role, which exists once in an account.")


def oauth_flows(deployment: Deployment, title: str) -> Iterator[Defect]:
    """A user pool client's OAuth flows are switched on by their flag."""
    flag = scalar(deployment.property(title, "AllowedOAuthFlowsUserPoolClient"))
    if deployment.property(title, "AllowedOAuthFlows") and flag != "true":
        path = "Properties.AllowedOAuthFlowsUserPoolClient"
        yield Defect(path, f"{title} allows OAuth flows without their flag, so Cognito refuses them.")


def literal_secrets(deployment: Deployment, title: str, name: str) -> Iterator[Defect]:
    """No property that holds a secret is literal text."""
    value = deployment.body(title)["Properties"][name]
    for path, node in walk({name: value}, "Properties"):
        if isinstance(node, Mapping):
            for key, item in node.items():
                harmless = not isinstance(item, str) or item.startswith("{{resolve:") or item in TIME_UNITS
                if SECRET_NAMES.search(key) and not harmless:
                    yield Defect(f"{path}.{key}", f"{key} of {title} is written in the template.")


def secret_parameters(deployment: Deployment) -> Iterator[Finding]:
    """No parameter takes a secret, and no output of the root gives one."""
    for stack in deployment.stacks.values():
        for section in ("Parameters", "Outputs"):
            for name, declaration in stack.section(section).items():
                if SECRET_NAMES.search(name) and not (section == "Parameters" and "NoEcho" in declaration):
                    sentence = f"{name} of {stack.file} looks like a secret."
                    yield at(Finding(stack.file, "", f"{section}.{name}", "", sentence), secret_parameters)


def _statements(deployment: Deployment, title: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not re.search(r"Polic|Document|Template", name):
        return
    for path, node in walk(document(deployment.property(title, name)), f"Properties.{name}"):
        statements = _listed(document(node).get("Statement")) if isinstance(node, Mapping) else []
        for index, statement in enumerate(statements):
            if isinstance(statement, Mapping) and "Effect" in statement:
                yield f"{path}.Statement[{index}]", statement


def _reason(deployment: Deployment, title: str, statement: Mapping[str, Any]) -> Any:
    return (deployment.body(title).get("Metadata") or {}).get("Wildcards", {}).get(statement.get("Sid", ""))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) and not isinstance(value, SYMBOLIC) else [value]


TEMPLATE_QUESTIONS = (secret_parameters,)
RULES = (
    Rule(of_property=whole_actions),
    Rule(of_property=whole_resources),
    Rule(of_property=everybody),
    Rule(confused_deputy, ("AWS::IAM::Role",)),
    Rule(fixed_names, tuple(FIXED_NAMES)),
    Rule(service_linked_roles, ("AWS::IAM::ServiceLinkedRole",)),
    Rule(oauth_flows, ("AWS::Cognito::UserPoolClient",)),
    Rule(of_property=literal_secrets),
)

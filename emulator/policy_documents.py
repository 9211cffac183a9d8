"""What services refuse of policy documents: the grammar of IAM's policy language and the kinds' own limits.

Rules: "IAM JSON policy elements reference", "Grammar of the IAM JSON policy language" and "IAM and AWS STS quotas"
(white space does not count) in the IAM user guide. Refusals are ValueErrors with the words of the service.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Statement = Mapping[str, Any]
_VERSIONS = ("2012-10-17", "2008-10-17")
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?_-]+")
_ACCOUNT = re.compile(r"\d{12}")
_ROLE_OR_USER = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::\d{12}:(?:root|(?:role|user|assumed-role|federated-user)/.+)")


def parse(document: Any) -> Mapping[str, Any]:
    """Return a document, given as an object or as text. Raises ValueError when it is no policy."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            raise ValueError("Syntax errors in policy.") from None
    if not isinstance(document, Mapping) or document.keys() - {"Version", "Id", "Statement"}:
        raise ValueError("Syntax errors in policy.")
    if str(document.get("Version", _VERSIONS[1])) not in _VERSIONS:
        raise ValueError("The policy must contain a valid version string")
    found = list(statements(document))
    if not found:
        raise ValueError("Syntax errors in policy.")
    named = [item["Sid"] for item in found if item.get("Sid")]
    if len(set(named)) < len(named):
        raise ValueError("Statement IDs (SID) in a single policy must be unique.")
    return document


def statements(document: Mapping[str, Any]) -> Iterator[Statement]:
    """Yield a document's statements. Raises ValueError for one that lacks its effect or its actions."""
    for item in _listed(document.get("Statement")):
        if not isinstance(item, Mapping) or item.get("Effect") not in ("Allow", "Deny"):
            raise ValueError("Syntax errors in policy.")
        if ("Action" in item) == ("NotAction" in item):
            raise ValueError("Policy statement must contain actions.")
        for action in _listed(item.get("Action", item.get("NotAction"))):
            if not _ACTION.fullmatch(str(action)):
                raise ValueError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        yield item


def check_identity(document: Any) -> None:
    """Raise ValueError unless a document may be a policy of a role: resources and no principal."""
    for item in statements(parse(document)):
        if "Principal" in item or "NotPrincipal" in item:
            raise ValueError("Policy document should not specify a principal.")
        if re.fullmatch(r"[A-Za-z0-9]*", str(item.get("Sid", ""))) is None:
            raise ValueError(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression"
                " [A-Za-z0-9]*"
            )
        if ("Resource" in item) == ("NotResource" in item):
            raise ValueError("Policy statement must contain resources.")
        for resource in _listed(item.get("Resource", item.get("NotResource"))):
            if resource != "*" and not (str(resource).startswith("arn:") and str(resource).count(":") >= 5):
                raise ValueError(f'Resource {resource} must be in ARN format or "*".')


def check_trust(document: Any) -> None:
    """Raise ValueError unless a document may be a role's trust policy: principals and no resource."""
    for item in statements(parse(document)):
        if "Resource" in item or "NotResource" in item:
            raise ValueError("Has prohibited field Resource")
        if ("Principal" in item) == ("NotPrincipal" in item):
            raise ValueError("Missing required field Principal")
        if any(not str(action).startswith("sts:") for action in _listed(item.get("Action"))):
            raise ValueError("AssumeRole policy may only specify STS AssumeRole actions.")
    _check_principals(document)


def check_resource(document: Any, *resources: str) -> None:
    """Raise ValueError unless a document may be a resource's policy: principals, and no resources but ``resources`` and
    what is below them; without any given, all may be named.
    """
    for item in statements(parse(document)):
        if ("Principal" in item) == ("NotPrincipal" in item):
            raise ValueError("Missing required field Principal")
        for resource in _listed(item.get("Resource", item.get("NotResource", []))):
            if resources and not any(_begins(str(resource), prefix) for prefix in resources):
                raise ValueError("Policy has invalid resource")
    _check_principals(document)


def _begins(resource: str, prefix: str) -> bool:
    return resource == prefix or resource.startswith(f"{prefix}/")


def _check_principals(document: Any) -> None:
    for principal in principals(document):
        if principal != "*" and not _ACCOUNT.fullmatch(principal) and not _ROLE_OR_USER.fullmatch(principal):
            raise invalid_principal(principal)


def invalid_principal(principal: str) -> ValueError:
    """Return the refusal of a principal that is none or does not exist."""
    return ValueError(f'Invalid principal in policy: "AWS":"{principal}"')


def actions(document: Any) -> list[str]:
    """Return the actions that a document names."""
    found = statements(parse(document))
    return [str(action) for item in found for action in _listed(item.get("Action", item.get("NotAction")))]


def principals(document: Any) -> list[str]:
    """Return the AWS principals that a document names."""
    found: list[str] = []
    for item in _listed(parse(document).get("Statement")):
        named = item.get("Principal", item.get("NotPrincipal"))
        found += [str(value) for value in _listed(named.get("AWS") if isinstance(named, Mapping) else named)]
    return found


def size(document: Any) -> int:
    """Return how many characters of a document count."""
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    return len(json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False))


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]

"""Whether a resource's own policy admits another account: S3 and ECR ask both the policy and the caller's own."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

ORGANIZATION_KEY: Final = "aws:PrincipalOrgID"


def admits(document: Mapping[str, Any], account: str, organization: str, actions: Iterable[str]) -> bool:
    """Returns whether a policy allows an account's principals each of the actions.

    `organization` is the one that the account is taken to be in; empty where none is known. Other conditions than the
    organization, and refusals, are not weighed: they are the owner's (IAM user guide, "Cross-account policy evaluation
    logic").
    """
    allowed = [
        str(pattern).lower()
        for statement in _listed(document.get("Statement"))
        if statement.get("Effect") == "Allow" and _names(statement, account, organization)
        for pattern in _listed(statement.get("Action"))
    ]
    return all(any(fnmatchcase(action.lower(), pattern) for pattern in allowed) for action in actions)


def _names(statement: Mapping[str, Any], account: str, organization: str) -> bool:
    principal = statement.get("Principal")
    named = _listed(principal.get("AWS")) if isinstance(principal, Mapping) else _listed(principal)
    if "*" in named:
        wanted = [
            value
            for test in statement.get("Condition", {}).values()
            for key, values in test.items()
            if key.lower() == ORGANIZATION_KEY.lower()
            for value in _listed(values)
        ]
        return not wanted or organization in wanted
    return any(one == account or one.split(":")[4:5] == [account] for one in map(str, named))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value] if value is not None else []

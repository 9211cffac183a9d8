"""The customer's key: it is there, usable, and its policy admits the services that use it as themselves."""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.aws import Aws
from deployer.preflight.sites import Site
from deployer.target_checks import key_of
from generator import parameters as p
from generator.key_policy import ALARMS_ACTIONS, LOGS_ACTIONS

DOCUMENTATION: Final = "docs/kms-key-policy.md"


def findings(aws: Aws, site: Site) -> Iterator[str]:
    """Yields what is wrong with the key that a site names; asks nothing where it names none.

    Of the policy only actions and principals are looked at: conditions that a customer adds are the customer's.
    """
    arn = site.value(p.KMS_KEY)
    if not arn:
        return
    client: Any = aws.client("kms", site.account, site.region)
    try:
        found = client.describe_key(KeyId=arn)["KeyMetadata"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        yield f"The key of {site.where} does not exist there: correct {site.says(p.KMS_KEY)}."
        return
    if found.get("KeyState") != "Enabled":
        yield f"The key of {site.where} is {found.get('KeyState')}: enable {arn} ({key_of(p.KMS_KEY)}) or give another."
    if found.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        yield (
            f"The key of {site.where} is {found['KeySpec']}, but log groups take only symmetric keys: give"
            f" {key_of(p.KMS_KEY)} another than {arn}."
        )
    document = json.loads(client.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    for service, actions in (
        (f"logs.{site.region}.amazonaws.com", LOGS_ACTIONS),
        ("cloudwatch.amazonaws.com", ALARMS_ACTIONS),
    ):
        if not admits(document, service, [action.rstrip("*") for action in actions]):
            yield (
                f"The policy of the key {arn} of {site.where} does not let {service} use it: add the statement that"
                f" {DOCUMENTATION} gives."
            )


def admits(document: Mapping[str, Any], service: str, actions: list[str]) -> bool:
    """Returns whether a key policy allows a service each of the actions, whatever the conditions."""
    allowed = [
        str(pattern)
        for statement in _listed(document.get("Statement"))
        if statement.get("Effect") == "Allow" and _names(statement.get("Principal"), service)
        for pattern in _listed(statement.get("Action"))
    ]
    return all(any(fnmatchcase(action.lower(), pattern.lower()) for pattern in allowed) for action in actions)


def _names(principal: Any, service: str) -> bool:
    if isinstance(principal, Mapping):
        return service in _listed(principal.get("Service"))
    return bool(principal == "*")


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value] if value is not None else []

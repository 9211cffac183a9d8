"""AWS::ECR::Repository, with what Amazon ECR refuses of it (CreateRepository, PutLifecyclePolicy and
SetRepositoryPolicy, ECR API reference).
"""

import json
import re
from collections.abc import Mapping

from botocore.exceptions import ClientError

from emulator import bridge, policy_documents
from emulator.checked import Checked
from emulator.handlers import HandlerFailed, Properties, ResourceHandler

_NAME = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")


def _invalid(parameter: str, why: str) -> HandlerFailed:
    text = f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{why}'"
    return HandlerFailed(text, "InvalidRequest")


class RepositoryHandler(Checked):
    """Ref is the repository's name."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a name that is none or taken, and for policies that are none."""
        name = str(props.get("RepositoryName") or "")
        if name and not (2 <= len(name) <= 256 and _NAME.fullmatch(name)):
            raise _invalid("repositoryName", f"must satisfy regular expression '{_NAME.pattern}'")
        if name and name != own_id and _exists(name):
            text = f"The repository with name '{name}' already exists in the registry with id"
            raise HandlerFailed(f"{text} '{bridge.current_scope()[0]}'", "AlreadyExists")
        lifecycle = (props.get("LifecyclePolicy") or {}).get("LifecyclePolicyText")
        if lifecycle is not None:
            try:
                rules = json.loads(lifecycle)["rules"]
            except (ValueError, KeyError, TypeError):
                why = "Lifecycle policy validation failure: string is not a lifecycle policy"
                raise _invalid("LifecyclePolicyText", why) from None
            if len({rule.get("rulePriority") for rule in rules}) < len(rules):
                raise _invalid("LifecyclePolicyText", "Lifecycle policy validation failure: rule priorities repeat")
        if props.get("RepositoryPolicyText"):
            try:
                policy_documents.check_resource(props["RepositoryPolicyText"])
            except ValueError as refused:
                raise _invalid("PolicyText", f"Invalid repository policy provided: {refused}") from refused


def _exists(name: str) -> bool:
    try:
        bridge.client("ecr").describe_repositories(repositoryNames=[name])
    except ClientError:
        return False
    return True


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::ECR::Repository": RepositoryHandler("AWS::ECR::Repository")}

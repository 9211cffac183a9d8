"""ECR registries: replication (which copies images for real), registry policy and repository creation templates.

Rules: PutReplicationConfiguration, CreateRepositoryCreationTemplate and PutRegistryPolicy in the ECR API reference, and
"Private image replication" in the user guide: only what is pushed afterwards is copied, into repositories made by the
matching template of the destination; another account must allow it by its registry policy.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from emulator import bridge, bridge_ecr
from emulator.handlers import Created, HandlerFailed, Properties, ResourceHandler, Response
from emulator.json_api import ApiError, JsonApi
from emulator.records import Record, Table
from emulator.resources import ecr_layers

_replication = Table("ecr-replication")
_policies = Table("ecr-registry-policies")
_templates = Table("ecr-creation-templates")
_replicated = Table("ecr-replicated-images")
_ONE = "registry"
_APPLIES = ("REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH")


def put_replication(parameters: dict[str, Any]) -> dict[str, Any]:
    """Replace the registry's replication rules."""
    account, region = bridge.current_scope()
    configuration = parameters["replicationConfiguration"]
    if len(configuration["rules"]) > 10:
        raise ApiError("ValidationException", "A replication configuration may contain a maximum of 10 rules")
    destinations = [place for rule in configuration["rules"] for place in rule["destinations"]]
    if len({(place["registryId"], place["region"]) for place in destinations}) > 25:
        text = "Replication configuration contains more than 25 unique destinations"
        raise ApiError("ValidationException", text)
    if any((place["registryId"], place["region"]) == (account, region) for place in destinations):
        text = "Invalid parameter at 'replicationConfiguration' failed to satisfy constraint: 'Replication destination"
        raise ApiError("InvalidParameterException", f"{text} cannot be the same as the source registry'")
    _replication.put(_ONE, configuration)
    return {"replicationConfiguration": configuration}


def describe_registry(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the registry and its replication rules."""
    configuration = _replication.get(_ONE) or {"rules": []}
    return {"registryId": bridge.current_scope()[0], "replicationConfiguration": configuration}


def put_registry_policy(parameters: dict[str, Any]) -> dict[str, Any]:
    """Set the registry's policy."""
    try:
        document = json.loads(parameters["policyText"])
    except ValueError:
        document = None
    if not isinstance(document, dict) or "Statement" not in document:
        text = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'"
        raise ApiError("InvalidParameterException", text)
    _policies.put(_ONE, {"policyText": parameters["policyText"]})
    return get_registry_policy({})


def get_registry_policy(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the registry's policy."""
    account = bridge.current_scope()[0]
    record = _policies.get(_ONE)
    if record is None:
        text = f"Registry policy does not exist in the registry with id '{account}'"
        raise ApiError("RegistryPolicyNotFoundException", text)
    return {"registryId": account, **record}


def delete_registry_policy(parameters: dict[str, Any]) -> dict[str, Any]:
    """Remove the registry's policy."""
    record = get_registry_policy({})
    _policies.pop(_ONE)
    return record


def _template(prefix: str) -> Record:
    record = _templates.get(prefix)
    if record is None:
        text = f"The Repository Creation Template with prefix '{prefix}' doesn't exist in the registry with id"
        raise ApiError("TemplateNotFoundException", f"{text} '{bridge.current_scope()[0]}'")
    return record


def _answer(record: Record) -> dict[str, Any]:
    return {"registryId": bridge.current_scope()[0], "repositoryCreationTemplate": record}


def _check_template(parameters: Mapping[str, Any]) -> None:
    unknown = [value for value in parameters.get("appliedFor") or () if value not in _APPLIES]
    if unknown:
        raise ApiError("InvalidParameterException", f"Invalid parameter at 'appliedFor': {', '.join(unknown)}")
    for name in ("repositoryPolicy", "lifecyclePolicy"):
        if parameters.get(name):
            try:
                json.loads(parameters[name])
            except ValueError:
                raise ApiError("InvalidParameterException", f"Invalid parameter at '{name}': it is not JSON") from None


def create_template(parameters: dict[str, Any]) -> dict[str, Any]:
    """Make a template for a prefix."""
    if _templates.get(parameters["prefix"]) is not None:
        text = f"The Repository Creation Template with prefix '{parameters['prefix']}' already exists in the registry"
        raise ApiError("TemplateAlreadyExistsException", f"{text} with id '{bridge.current_scope()[0]}'")
    _check_template(parameters)
    now = datetime.now(UTC).timestamp()
    record = {"imageTagMutability": "MUTABLE", **parameters, "createdAt": now, "updatedAt": now}
    _templates.put(parameters["prefix"], record)
    return _answer(record)


def update_template(parameters: dict[str, Any]) -> dict[str, Any]:
    """Change what is given of a template."""
    record = _template(parameters["prefix"])
    _check_template(parameters)
    record |= {**parameters, "updatedAt": datetime.now(UTC).timestamp()}
    _templates.put(parameters["prefix"], record)
    return _answer(record)


def delete_template(parameters: dict[str, Any]) -> dict[str, Any]:
    """Remove a template."""
    record = _template(parameters["prefix"])
    _templates.pop(parameters["prefix"])
    return _answer(record)


def describe_templates(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the templates, or those of the prefixes."""
    wanted = parameters.get("prefixes")
    records = [_template(prefix) for prefix in wanted] if wanted else _templates.values()
    return {"registryId": bridge.current_scope()[0], "repositoryCreationTemplates": records}


# --- Replication ---


class Registry(JsonApi):
    """ECR's API; images that are put are replicated."""

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """Answer a request (``emulator.handlers.Api``)."""
        if not headers.get("x-amz-target", "").endswith(".PutImage"):
            return super().__call__(method, path, headers, body)
        answer = bridge.own_answer("ecr", method, path, headers, body)
        if answer[0] == 200:
            replicate(json.loads(body), json.loads(answer[2])["image"]["imageId"]["imageDigest"])
        return answer


def _destinations(repository: str) -> list[Mapping[str, str]]:
    """Return where the current registry replicates a repository to."""
    return [
        place
        for rule in (_replication.get(_ONE) or {"rules": []})["rules"]
        if not rule.get("repositoryFilters")
        or any(repository.startswith(str(item["filter"])) for item in rule["repositoryFilters"])
        for place in rule["destinations"]
    ]


def replicate(request: Mapping[str, Any], digest: str) -> None:
    """Copy an image that was put, as PutImage's request says, to where its repository is replicated."""
    account, region = bridge.current_scope()
    repository = str(request["repositoryName"])
    held = dict(bridge_ecr.blobs(repository))
    for place in _destinations(repository):
        with bridge.scope(place["registryId"], place["region"]):
            if place["registryId"] == account or _accepts(account, repository):
                _copy(repository, request, digest)
                bridge_ecr.blobs(repository).update(held)
                _replicated.put(f"{account}/{region}/{repository}/{digest}", {"status": "COMPLETE"})


def replication_status(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return where an image was replicated to; nothing of Regions that were added after it was put."""
    account, region = bridge.current_scope()
    repository = parameters["repositoryName"]
    statuses = []
    for place in _destinations(repository):
        with bridge.scope(place["registryId"], place["region"]):
            found = _replicated.get(f"{account}/{region}/{repository}/{parameters['imageId']['imageDigest']}")
        statuses += [{"region": place["region"], "registryId": place["registryId"], **found}] if found else []
    answer = {name: parameters[name] for name in ("repositoryName", "imageId")}
    return {**answer, "replicationStatuses": statuses}


def _accepts(source: str, repository: str) -> bool:
    """Whether the current registry's policy lets an account replicate into a repository."""
    account, region = bridge.current_scope()
    policy = str((_policies.get(_ONE) or {}).get("policyText") or "")
    resource = f"arn:aws:ecr:{region}:{account}:repository/{repository}"
    return bool(policy) and not bridge.denied_root(source, "ecr:ReplicateImage", resource, account, policy)


def _copy(repository: str, request: Mapping[str, Any], digest: str) -> None:
    client = bridge.client("ecr")
    try:
        client.describe_repositories(repositoryNames=[repository])
    except ClientError:
        _make_repository(repository)
    put = {"repositoryName": repository, "imageManifest": request["imageManifest"]}
    put |= {name: request[name] for name in ("imageManifestMediaType", "imageTag") if name in request}
    try:
        client.put_image(**put, imageDigest=digest)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ImageAlreadyExistsException":
            raise


def _make_repository(repository: str) -> None:
    """Make a repository as the template with the longest matching prefix says."""
    matching = [
        record
        for record in _templates.values()
        if "REPLICATION" in record["appliedFor"]
        and (record["prefix"] == "ROOT" or f"{repository}/".startswith(f"{record['prefix'].rstrip('/')}/"))
    ]
    template = max(matching, key=lambda record: len(str(record["prefix"])) * (record["prefix"] != "ROOT"), default={})
    client = bridge.client("ecr")
    client.create_repository(
        repositoryName=repository, imageTagMutability=template.get("imageTagMutability", "MUTABLE")
    )
    if template.get("repositoryPolicy"):
        client.set_repository_policy(repositoryName=repository, policyText=template["repositoryPolicy"])
    if template.get("lifecyclePolicy"):
        client.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=template["lifecyclePolicy"])


# --- Resource types ---


def _lowered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _lowered(item) for key, item in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


class ReplicationHandler:
    """AWS::ECR::ReplicationConfiguration, one a registry. Ref is the account."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Set the rules. Raises ValueError when they are refused or a registry has some."""
        if (_replication.get(_ONE) or {"rules": []})["rules"]:
            raise HandlerFailed("The registry has a replication configuration already", "AlreadyExists")
        return self._put(props)

    def _put(self, props: Properties) -> Created:
        account = bridge.current_scope()[0]
        try:
            bridge.client("ecr").put_replication_configuration(
                replicationConfiguration=_lowered(props["ReplicationConfiguration"])
            )
        except ClientError as error:
            raise HandlerFailed(str(error.response["Error"]["Message"]), "InvalidRequest") from error
        return account, {"RegistryId": account}

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Replace the rules."""
        return self._put(new)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the rules."""
        _replication.pop(_ONE)


class RegistryPolicyHandler:
    """AWS::ECR::RegistryPolicy, one a registry. Ref is the account."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Set the policy. Raises ValueError when it is refused or the registry has one."""
        if _policies.get(_ONE) is not None:
            raise HandlerFailed("The registry has a policy already", "AlreadyExists")
        return self.update("", {}, props, stack_name)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Replace the policy."""
        account = bridge.current_scope()[0]
        try:
            put_registry_policy({"policyText": _text(new["PolicyText"])})
        except ApiError as error:
            raise HandlerFailed(str(error), "InvalidRequest") from error
        return account, {"RegistryId": account}

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the policy."""
        _policies.pop(_ONE)


class CreationTemplateHandler:
    """AWS::ECR::RepositoryCreationTemplate. Ref is the prefix."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the template. Raises ValueError when it is refused."""
        return self._call("create_repository_creation_template", props)

    def _call(self, operation: str, props: Properties) -> Created:
        parameters = _lowered({key: value for key, value in props.items() if not key.endswith("Policy")})
        parameters |= {
            name: _text(props[key])
            for name, key in (("repositoryPolicy", "RepositoryPolicy"), ("lifecyclePolicy", "LifecyclePolicy"))
            if props.get(key)
        }
        if "resourceTags" in parameters:
            parameters["resourceTags"] = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in props["ResourceTags"]]
        try:
            made = getattr(bridge.client("ecr"), operation)(**parameters)["repositoryCreationTemplate"]
        except ClientError as error:
            code = "AlreadyExists" if "AlreadyExists" in error.response["Error"]["Code"] else "InvalidRequest"
            raise HandlerFailed(str(error.response["Error"]["Message"]), code) from error
        times = {"CreatedAt": made["createdAt"].isoformat(), "UpdatedAt": made["updatedAt"].isoformat()}
        return str(props["Prefix"]), times

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Change the template; under another prefix it is another one."""
        if new["Prefix"] != physical_id:
            return self.create("", new, stack_name)
        return self._call("update_repository_creation_template", new)

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the template."""
        _templates.pop(physical_id)


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::ECR::RegistryPolicy": RegistryPolicyHandler(),
    "AWS::ECR::ReplicationConfiguration": ReplicationHandler(),
    "AWS::ECR::RepositoryCreationTemplate": CreationTemplateHandler(),
}
APIS = {
    "ecr": Registry(
        "ecr",
        {
            "CreateRepositoryCreationTemplate": create_template,
            "DeleteRegistryPolicy": delete_registry_policy,
            "DeleteRepositoryCreationTemplate": delete_template,
            "DescribeImageReplicationStatus": replication_status,
            "DescribeRegistry": describe_registry,
            "DescribeRepositoryCreationTemplates": describe_templates,
            "GetRegistryPolicy": get_registry_policy,
            "PutRegistryPolicy": put_registry_policy,
            "PutReplicationConfiguration": put_replication,
            "UpdateRepositoryCreationTemplate": update_template,
            **ecr_layers.OPERATIONS,
        },
    )
}

"""AgentCore's policy engines and their policies.

Sources: the service model, and in the AgentCore developer guide "Per-policy engine validation": statements are checked
against the tools of the gateway that they name, whatever the validation mode. The search for permissions that are too
wide or too narrow, `FAIL_ON_ANY_FINDINGS`, is automated reasoning at AWS; it is not imitated.
"""

import time
from collections.abc import Mapping
from typing import Any

from emulator.data_plane import policy_statements, shapes
from emulator.data_plane.agentcore import Scope, not_found, random_id
from emulator.data_plane.agentcore_store import Record
from emulator.data_plane.errors import ServiceError
from emulator.data_plane.policy_statements import Engine, StatementError


def create_engine(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Make a policy engine; refuses a name in use (ConflictException in the service model)."""
    shapes.validate("CreatePolicyEngine", parameters)
    name = str(parameters["name"])
    with scope.store.change(scope.account, scope.region) as records:
        if any(engine["name"] == name for engine in records.policy_engines.values()):
            raise ServiceError("ConflictException", f"A policy engine with name {name} already exists", 409)
        engine_id = f"{name}-{random_id()}"
        records.policy_engines[engine_id] = {
            **_kept(parameters),
            "policyEngineId": engine_id,
            "policyEngineArn": scope.arn(f"policy-engine/{engine_id}"),
            **_standing(),
        }
        return records.policy_engines[engine_id]


def update_engine(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Change an engine's description, all that can be changed of it."""
    shapes.validate("UpdatePolicyEngine", parameters)
    engine = engine_of(scope, str(parameters["policyEngineId"]))
    with scope.store.change(scope.account, scope.region):
        _describe(engine, parameters)
    return engine


def delete_engine(scope: Scope, engine_id: str) -> Record:
    """Remove an engine; refused while it has policies (service model, `DeletePolicyEngine`)."""
    engine = engine_of(scope, engine_id)
    if scope.records.engine_policies.get(engine_id):
        text = f"Policy engine {engine_id} has policies associated with it"
        raise ServiceError("ConflictException", text, 409)
    with scope.store.change(scope.account, scope.region) as records:
        del records.policy_engines[engine_id]
        records.engine_policies.pop(engine_id, None)
    return {**engine, "status": "DELETING"}


def engine_of(scope: Scope, engine_id: str) -> Record:
    """Return an engine's record. Raises ServiceError when there is none."""
    engine = scope.records.policy_engines.get(engine_id)
    if engine is None:
        raise not_found("Policy engine", engine_id)
    return engine


def create_policy(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Make a policy. One whose statement does not go with its gateway's tools is there all the same, in status
    CREATE_FAILED with the reasons, as AgentCore leaves it; text that is no statement is refused.
    """
    shapes.validate("CreatePolicy", parameters)
    engine_id, name = str(parameters["policyEngineId"]), str(parameters["name"])
    engine = engine_of(scope, engine_id)
    reasons = _reasons(scope, parameters)
    with scope.store.change(scope.account, scope.region) as records:
        policies = records.engine_policies.setdefault(engine_id, {})
        # "Must be unique within the account" (service model, CreatePolicy).
        if any(one["name"] == name for group in records.engine_policies.values() for one in group.values()):
            raise ServiceError("ConflictException", f"A policy with name {name} already exists", 409)
        policy_id = f"{name}-{random_id()}"
        policies[policy_id] = {
            "enforcementMode": "ACTIVE",
            **_kept(parameters),
            "policyId": policy_id,
            "policyArn": f"{engine['policyEngineArn']}/policy/{policy_id}",
            **_standing("CREATE_FAILED" if reasons else "ACTIVE", reasons),
        }
        return policies[policy_id]


def update_policy(scope: Scope, parameters: Mapping[str, Any]) -> Record:
    """Change a policy; where its new statement does not fit the tools the old one stays, in status UPDATE_FAILED."""
    shapes.validate("UpdatePolicy", parameters)
    policy = policy_of(scope, str(parameters["policyEngineId"]), str(parameters["policyId"]))
    reasons = _reasons(scope, parameters) if "definition" in parameters else []
    with scope.store.change(scope.account, scope.region):
        _describe(policy, parameters)
        policy.update(status="UPDATE_FAILED" if reasons else "ACTIVE", statusReasons=reasons)
        if not reasons:
            policy.update({key: parameters[key] for key in ("definition", "enforcementMode") if key in parameters})
    return policy


def delete_policy(scope: Scope, engine_id: str, policy_id: str) -> Record:
    """Remove a policy."""
    policy = policy_of(scope, engine_id, policy_id)
    with scope.store.change(scope.account, scope.region) as records:
        del records.engine_policies[engine_id][policy_id]
    return {**policy, "status": "DELETING"}


def policy_of(scope: Scope, engine_id: str, policy_id: str) -> Record:
    """Return a policy's record. Raises ServiceError when there is none."""
    engine_of(scope, engine_id)
    policy = scope.records.engine_policies.get(engine_id, {}).get(policy_id)
    if policy is None:
        raise not_found("Policy", policy_id)
    return policy


def policies_of(scope: Scope, engine_id: str) -> list[Record]:
    """Return an engine's policies."""
    engine_of(scope, engine_id)
    return list(scope.records.engine_policies.get(engine_id, {}).values())


def engine_for(scope: Scope, gateway: Record, caller_arn: str) -> tuple[Engine, bool] | None:
    """Return the engine that a gateway asks about a caller and whether it is enforced; None where it has none."""
    attached = gateway.get("policyEngineConfiguration")
    if not attached:
        return None
    engine_id = str(attached["arn"]).rpartition("/")[2]
    statements = {
        str(policy["policyId"]): _statement(policy)
        for policy in scope.records.engine_policies.get(engine_id, {}).values()
        if policy["status"] in ("ACTIVE", "UPDATE_FAILED") and policy["enforcementMode"] == "ACTIVE"
    }
    caller = policy_statements.caller_id(caller_arn)
    return Engine(statements, str(gateway["gatewayArn"]), caller), attached["mode"] == "ENFORCE"


def _reasons(scope: Scope, parameters: Mapping[str, Any]) -> list[str]:
    """Why a policy's statement does not go with the tools of its gateway; nothing where it does."""
    statement = _statement(parameters)
    try:
        named = policy_statements.scope_of(statement)
    except StatementError as error:
        raise ServiceError("ValidationException", str(error)) from None
    if not named.gateway:
        return []
    gateway_id = named.gateway.rpartition("/")[2]
    gateway = scope.records.gateways.get(gateway_id)
    if gateway is None or gateway["gatewayArn"] != named.gateway:
        return [f"Gateway {named.gateway} not found"]
    targets = list(scope.records.targets.get(gateway_id, {}).values())
    # Here, unlike on AWS, a target of another account or Region than the data plane's has listed nothing.
    if any(target["status"] == "READY" and target.get("statusReasons") for target in targets):
        return []
    tools = [tool for target in targets for tool in policy_statements.named(target["name"], target["tools"])]
    return policy_statements.findings(statement, tools)


def _statement(parameters: Mapping[str, Any]) -> str:
    definition = parameters["definition"]
    written = definition.get("cedar") or definition.get("policy")
    if not written:
        raise ServiceError("ValidationException", "Generated policies are not emulated; test them on AWS")
    return str(written["statement"])


def _kept(parameters: Mapping[str, Any]) -> Record:
    return {key: item for key, item in parameters.items() if key not in ("clientToken", "validationMode")}


def _standing(status: str = "ACTIVE", reasons: list[str] | None = None) -> Record:
    now = time.time()
    return {"status": status, "statusReasons": reasons or [], "createdAt": now, "updatedAt": now}


def _describe(record: Record, parameters: Mapping[str, Any]) -> None:
    record["updatedAt"] = time.time()
    described = parameters.get("description")
    if described is not None:
        record["description"] = described.get("optionalValue") if isinstance(described, Mapping) else described

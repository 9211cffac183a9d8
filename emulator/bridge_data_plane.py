"""The bridge's half for the data plane: the private names of ministack that it needs, checked when imported.

Only this module and ``emulator.bridge`` touch those names; the version is pinned for their sake.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ministack.core import iam_evaluator, responses
from ministack.services import acm, alb, cloudwatch_logs, cognito, ec2, ecr, ecs, iam, route53, secretsmanager

Record = dict[str, Any]

# Tasks come and go in several threads, and their targets are kept as whole lists.
_targets_lock = threading.Lock()

_NAMES: Mapping[Any, Sequence[str]] = {
    acm: ("_certificates",),
    alb: ("_lbs", "_listeners", "_rules", "_targets", "_tgs", "_describe_target_health", "_xml"),
    cloudwatch_logs: ("_log_groups",),
    cognito: ("_pool_domain_map", "_user_pools"),
    ec2: ("_subnets",),
    ecr: ("_get_authorization_token", "_images", "_repositories"),
    ecs: (
        "_awslogs_config",
        "_circuit_breaker_threshold",
        "_cleanup_task_resources",
        "_clusters",
        "_complete_service_deployment",
        "_create_service",
        "_delete_service",
        "_emit_awslogs_event",
        "_ensure_awslogs_stream",
        "_mark_task_running",
        "_mark_task_stopped",
        "_put_cluster_capacity_providers",
        "_reconcile_service_tasks",
        "_record_service_task_failure",
        "_record_service_task_healthy",
        "_refresh_service_state",
        "_resolve_cluster_name",
        "_resolve_td_key",
        "_run_task",
        "_services",
        "_sync_service_targets",
        "_task_defs",
        "_tasks",
        "_update_service",
    ),
    iam: ("_roles",),
    iam_evaluator: (
        "EvalContext",
        "EvalResult",
        "_gather_role_policies",
        "combine_resource_policy",
        "evaluate",
        "parse_policy_document",
        "resolve_credential",
        "resolve_principal",
    ),
    responses: ("get_account_id", "get_region", "request_scope"),
    route53: ("_records",),
    secretsmanager: (
        "create_secret_in_process",
        "delete_secret_in_process",
        "put_secret_value_in_process",
        "resolve_secret_string",
        "_secrets",
    ),
}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")


class Refused(Exception):
    """One of ministack's services refused a request; ``code`` and the message are the service's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def current_scope() -> tuple[str, str]:
    """Return the account and the Region of the request being served."""
    return responses.get_account_id(), responses.get_region()


def scope(account: str, region: str) -> AbstractContextManager[None]:
    """Act for an account and Region within a block."""
    context: AbstractContextManager[None] = responses.request_scope(account, region)
    return context


# --- Elastic Load Balancing ---


def load_balancers() -> list[Record]:
    """Return the load balancers of the current scope, each with its ``Listeners``, those with their ``Rules``."""
    rules = list(alb._rules.values())
    listeners = [
        {**listener, "Rules": [rule for rule in rules if rule["ListenerArn"] == listener["ListenerArn"]]}
        for listener in list(alb._listeners.values())
    ]
    return [
        {**lb, "Listeners": [item for item in listeners if item["LoadBalancerArn"] == lb["LoadBalancerArn"]]}
        for lb in list(alb._lbs.values())
    ]


def target_groups() -> list[Record]:
    """Return the target groups of the current scope, each with its registered ``Targets``."""
    return [{**group, "Targets": list(alb._targets.get(arn) or ())} for arn, group in list(alb._tgs.items())]


def target_group_is_attached(arn: str) -> bool:
    """Whether some listener or rule of the current scope forwards to a target group."""
    holders = [*alb._listeners.values(), *alb._rules.values()]
    return any(arn in json.dumps(holder, default=str) for holder in holders)


def register_target(group: str, address: str, port: int) -> None:
    """Register one target, by address and port, in a target group of the current scope."""
    with _targets_lock:
        if group in alb._tgs:
            known = list(alb._targets.get(group) or ())
            alb._targets[group] = [*known, {"Id": address, "Port": port}]


def deregister_target(group: str, address: str, port: int) -> None:
    """Remove one target from a target group of the current scope."""
    with _targets_lock:
        known = list(alb._targets.get(group) or ())
        alb._targets[group] = [item for item in known if (item["Id"], item.get("Port")) != (address, port)]


# --- Names and certificates ---


def certificate_names(arn: str) -> list[str]:
    """Return the names on an ACM certificate of the current scope, none when it does not exist."""
    certificate = acm._certificates.get(arn)
    if certificate is None:
        return []
    names = [certificate["DomainName"], *(certificate.get("SubjectAlternativeNames") or ())]
    return list(dict.fromkeys(names))


def dns_records() -> Iterator[Record]:
    """Yield every Route 53 record of every account."""
    for records in list(route53._records._data.values()):
        yield from list(records)


def cognito_domains() -> dict[tuple[str, str], str]:
    """Return the user pool id of every Cognito prefix domain, by domain and Region, over all accounts."""
    return {(domain, region): pool for (_, region, domain), pool in cognito._pool_domain_map.all_items()}


def cognito_clients(pool_id: str) -> set[str]:
    """Return the ids of the clients of a user pool, whatever its account."""
    for (_, _, known), pool in cognito._user_pools.all_items():
        if known == pool_id:
            return set(pool.get("_clients") or ())
    return set()


# --- Secrets, roles, credentials ---


def secret_string(secret_id: str) -> str | None:
    """Return a secret's current string in the current scope, None when it has none."""
    value: str | None = secretsmanager.resolve_secret_string(secret_id)
    return value


def secret_name(arn: str) -> str:
    """Return the name of a secret of the current scope; the ARN itself when there is none with it."""
    return next((str(name) for name, record in secretsmanager._secrets.items() if record.get("ARN") == arn), arn)


def put_secret(name: str, value: str) -> str:
    """Make a secret of the current scope, or give it another value; return its ARN."""
    arn = secretsmanager.create_secret_in_process(name, value)
    if arn is None:
        secretsmanager.put_secret_value_in_process(name, value)
        arn = next(item["ARN"] for key, item in secretsmanager._secrets.items() if key == name)
    return str(arn)


def delete_secret(secret_id: str) -> None:
    """Delete a secret of the current scope without a recovery window."""
    secretsmanager.delete_secret_in_process(secret_id)


def role_trusts(role_arn: str, service: str, context: Mapping[str, str]) -> bool | None:
    """Whether a role's trust policy lets an AWS service assume it under condition keys (in lower case); None when there
    is no such role in the current account.
    """
    role = iam._roles.get(role_arn.rpartition("/")[2])
    if role is None or role.get("Arn") != role_arn:
        return None
    document = role.get("AssumeRolePolicyDocument") or {}
    document = json.loads(document) if isinstance(document, str) else document
    return policy_admits(document, service, "sts:AssumeRole", role_arn, context)


def policy_admits(document: Record, service: str, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a resource's own policy lets an AWS service act on it under condition keys (in lower case)."""
    statements = document.get("Statement") or []
    applicable = []
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal") or {}
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if service in ([services] if isinstance(services, str) else services):
            applicable.append({**statement, "Resource": "*"})
    return _decide(f"arn:aws:iam::aws:{service}", action, resource, applicable, context)


def role_trusts_role(role_arn: str, principal: str) -> bool:
    """Whether a role of the current account exists and its trust policy lets another role assume it."""
    role = iam._roles.get(role_arn.rpartition("/")[2])
    if role is None or role.get("Arn") != role_arn:
        return False
    account = principal.split(":")[4]
    accepted = {"*", principal, account, f"arn:aws:iam::{account}:root"}
    document = role.get("AssumeRolePolicyDocument") or {}
    document = json.loads(document) if isinstance(document, str) else document
    statements = document.get("Statement") or []
    applicable = []
    for statement in [statements] if isinstance(statements, dict) else statements:
        trusted = statement.get("Principal") or {}
        named = trusted.get("AWS", []) if isinstance(trusted, dict) else trusted
        if accepted & set([named] if isinstance(named, str) else named):
            applicable.append({**statement, "Resource": "*"})
    return _decide(principal, "sts:AssumeRole", role_arn, applicable, {})


def role_allows(role_arn: str, action: str, resource: str, context: Mapping[str, str] | None = None) -> bool:
    """Whether the policies of a role of the current account allow an action on a resource.

    ``context`` holds condition keys in lower case.
    """
    account, region = current_scope()
    name = role_arn.rpartition("/")[2]
    evaluated = _context(role_arn, "AssumedRole", account, action, resource, region, context or {})
    return bool(
        iam_evaluator.evaluate(evaluated, iam_evaluator._gather_role_policies(name, account)).decision == "Allow"
    )


def _decide(principal: str, action: str, resource: str, statements: list[Record], context: Mapping[str, str]) -> bool:
    account, region = current_scope()
    evaluated = _context(principal, "Service", account, action, resource, region, context)
    parsed = [iam_evaluator.parse_policy_document({"Statement": statements})]
    return bool(iam_evaluator.evaluate(evaluated, parsed).decision == "Allow")


def _context(
    principal: str, kind: str, account: str, action: str, resource: str, region: str, extra: Mapping[str, str]
) -> Any:
    return iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type=kind,
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=region,
        service_context=dict(extra),
    )


def credential(access_key: str) -> tuple[str, str] | None:
    """Return the secret and the session token of an access key, None when there is no such key."""
    account = access_key if access_key.isdigit() and len(access_key) == 12 else _key_account(access_key)
    if account is None:
        return None
    found = iam_evaluator.resolve_credential(access_key, account)
    secret = getattr(found, "secret_access_key", None)
    return (str(secret), str(getattr(found, "session_token", None) or "")) if secret else None


def _key_account(access_key: str) -> str | None:
    session_account = responses._account_from_sts_session(access_key)
    found: str | None = session_account or iam_evaluator.find_iam_access_key_account(access_key)
    return found


def principal_arn(access_key: str) -> str:
    """Return the ARN of the principal that an access key is of, nothing when there is no such key."""
    account = access_key if access_key.isdigit() else _key_account(access_key)
    found = iam_evaluator.resolve_principal(access_key, account) if account else None
    return str(getattr(found, "arn", ""))


def denied_principal(access_key: str, action: str, resource: str, owner: str, policy: str | None) -> str:
    """Return an empty string when the key's principal may act on a resource of account ``owner`` that carries
    ``policy``, else the principal's ARN. The account root of the owner may always.
    """
    account = access_key if access_key.isdigit() else _key_account(access_key)
    if account is None:
        return access_key
    _, region = current_scope()
    principal = iam_evaluator.resolve_principal(access_key, account)
    if not hasattr(principal, "arn"):
        return access_key
    context = _context(principal.arn, principal.type, principal.account, action, resource, region, {})
    context.principal_keys = principal.keys
    # AWS's services reach each other over TLS, whatever this process listens with.
    context.secure_transport = True
    if principal.policies is None:
        identity = iam_evaluator.EvalResult("Allow", principal.arn)
    else:
        identity = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
    limits = tuple(principal.limits)
    decision = iam_evaluator.combine_resource_policy(identity, context, policy, owner, limits=limits)
    return "" if decision.decision == "Allow" else str(principal.arn)


# --- ECR, EC2, CloudWatch Logs ---


def image_exists(account: str, region: str, repository: str, digest: str) -> bool:
    """Whether a repository of an account and Region holds an image of this digest."""
    with scope(account, region):
        return any(image.get("imageDigest") == digest for image in ecr._images.get(repository) or ())


def image_manifest(repository: str, digest: str) -> str:
    """Return an image's manifest in the current scope, an empty text when there is no such image."""
    found = (image for image in ecr._images.get(repository) or () if image.get("imageDigest") == digest)
    return next((str(image.get("imageManifest") or "") for image in found), "")


def registry_password() -> str:
    """Return the password of the user AWS at every registry (ECR, GetAuthorizationToken)."""
    answer = json.loads(ecr._get_authorization_token({})[2])
    token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    return token.partition(":")[2]


def subnet_zone(subnet_id: str) -> str:
    """Return the Availability Zone of a subnet of the current scope, the Region's first when there is none."""
    subnet = ec2._subnets.get(subnet_id) or {}
    return str(subnet.get("AvailabilityZone") or f"{current_scope()[1]}a")


def log_writer(container: Record, task_id: str) -> Callable[[str], None] | None:
    """Return what writes a container's lines to the stream that its awslogs options name; None without such options or
    without the group.
    """
    account, region = current_scope()
    config = ecs._awslogs_config(container, task_id, task_id)
    if not config or not ecs._ensure_awslogs_stream(config):
        return None

    def write(line: str) -> None:
        with scope(account, config["region"] or region):
            ecs._emit_awslogs_event(config, line)

    return write

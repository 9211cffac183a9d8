"""Translation of a load balancer into Traefik's dynamic configuration. Pure: the same views give the same bytes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from emulator.data_plane.authority import LeafCertificate
from emulator.data_plane.balancers import Action, Condition, Listener, LoadBalancer, Rule, Target

ACTION_HEADER = "X-Emulator-Action"


@dataclass(frozen=True)
class Surroundings:
    """What a translation needs to know besides the load balancer.

    ``routable`` gives the targets of a group (by ARN) that requests may go to, ``certificate`` the files of an ACM
    certificate (None when it does not exist), ``inner`` the URL of the data plane's own server, which gives the answers
    that a proxy has no notion of: token decisions, fixed responses, redirects and "503 no targets".
    """

    routable: Callable[[str], Sequence[Target]]
    certificate: Callable[[str], LeafCertificate | None]
    inner: str


@dataclass
class Routes:
    """A dynamic configuration in the making, and the actions that the data plane's own server must know by id."""

    routers: dict[str, Any] = field(default_factory=dict)
    services: dict[str, Any] = field(default_factory=dict)
    middlewares: dict[str, Any] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)


def entry_point(listener: Listener) -> str:
    """Return the name of the entry point that carries a listener."""
    return f"port{listener.port}"


def balancer_configuration(
    balancer: LoadBalancer, surroundings: Surroundings
) -> tuple[dict[str, Any], dict[str, Action]]:
    """Return Traefik's dynamic configuration of one load balancer and the actions it refers to by id.

    A listener is exactly as open as it says: a rule without jwt-validation forwards whatever comes.
    """
    routes = Routes()
    routes.services["inner"] = {"loadBalancer": {"servers": [{"url": surroundings.inner}]}}
    for listener in balancer.listeners:
        for rule in filter(_can_match, listener.rules):
            _add_rule(routes, listener, rule, surroundings)
    http: dict[str, Any] = {"routers": routes.routers, "services": routes.services}
    if routes.middlewares:
        http["middlewares"] = routes.middlewares
    document: dict[str, Any] = {"http": http}
    tls = _tls(balancer, surroundings)
    if tls:
        document["tls"] = tls
    return document, routes.actions


def _can_match(rule: Rule) -> bool:
    """Whether a client may meet the rule's conditions. No client of a load balancer on AWS has a loopback address, and
    here every client has: source-ip conditions of loopback ranges only match nothing.
    """
    sources = [condition.values for condition in rule.conditions if condition.field == "source-ip"]
    return not any(all(value.startswith("127.") for value in values) for values in sources)


def _add_rule(routes: Routes, listener: Listener, rule: Rule, surroundings: Surroundings) -> None:
    identity = sha256(f"{listener.arn} {rule.arn}".encode()).hexdigest()[:16]
    middlewares = []
    service = "inner"
    for index, action in enumerate(rule.actions):
        action_id = f"{identity}-{index}"
        routes.actions[action_id] = action
        if action.kind == "jwt-validation":
            name = f"token-{action_id}"
            routes.middlewares[name] = {"forwardAuth": {"address": f"{surroundings.inner}/token/{action_id}"}}
            middlewares.append(name)
            continue
        destination = _forward(routes, action, action_id, surroundings) if action.kind == "forward" else None
        if destination is None:
            name = f"action-{action_id}"
            routes.middlewares[name] = {"headers": {"customRequestHeaders": {ACTION_HEADER: action_id}}}
            middlewares.append(name)
        else:
            service = destination
    router: dict[str, Any] = {
        "entryPoints": [entry_point(listener)],
        "rule": _rule_text(rule.conditions),
        "priority": max(1, 200_000 - rule.priority),
        "service": service,
    }
    if middlewares:
        router["middlewares"] = middlewares
    if listener.protocol == "HTTPS":
        router["tls"] = {}
    routes.routers[f"rule-{identity}"] = router


def _forward(routes: Routes, action: Action, action_id: str, surroundings: Surroundings) -> str | None:
    """Add the service of a forward action; None when no target is registered, which the ALB answers with 503."""
    weighted = []
    for arn, weight in action.target_groups:
        targets = surroundings.routable(arn)
        if not targets:
            continue
        name = f"group-{sha256(arn.encode()).hexdigest()[:16]}"
        servers = [{"url": f"http://{target.address}:{target.port}"} for target in targets]
        routes.services[name] = {"loadBalancer": {"servers": servers, "passHostHeader": True}}
        weighted.append({"name": name, "weight": weight})
    if not weighted:
        return None
    if len(weighted) == 1:
        return str(weighted[0]["name"])
    routes.services[f"weighted-{action_id}"] = {"weighted": {"services": weighted}}
    return f"weighted-{action_id}"


def _rule_text(conditions: Sequence[Condition]) -> str:
    return " && ".join(f"({_condition_text(condition)})" for condition in conditions) or "PathPrefix(`/`)"


def _condition_text(condition: Condition) -> str:
    """One condition in Traefik's rule language; ``*`` and ``?`` are the ALB's wildcards (ELBv2 RuleCondition)."""
    values = condition.values
    if condition.field == "host-header":
        return " || ".join(f"HostRegexp(`(?i)^{_pattern(value)}$`)" for value in values)
    if condition.field == "path-pattern":
        return " || ".join(f"PathRegexp(`^{_pattern(value)}$`)" for value in values)
    if condition.field == "http-request-method":
        return " || ".join(f"Method(`{value}`)" for value in values)
    if condition.field == "http-header":
        return " || ".join(f"HeaderRegexp(`{condition.header}`, `(?i)^{_pattern(value)}$`)" for value in values)
    if condition.field == "source-ip":
        return " || ".join(f"ClientIP(`{value}`)" for value in values)
    if condition.field == "query-string":
        return " || ".join(f"QueryRegexp(`{key}`, `(?i)^{_pattern(value)}$`)" for key, value in condition.pairs)
    raise ValueError(f"the listener rule condition {condition.field!r} is not emulated; remove it or test it on AWS")


def _pattern(value: str) -> str:
    escaped = re.escape(value).replace(r"\*", ".*").replace(r"\?", ".")
    return escaped.replace("`", r"\x60")


def _tls(balancer: LoadBalancer, surroundings: Surroundings) -> dict[str, Any]:
    """The listener's own certificates, its first one for every name that none covers, as the ALB chooses."""
    secure = [listener for listener in balancer.listeners if listener.protocol == "HTTPS"]
    leaves = [
        leaf
        for listener in secure
        for arn in listener.certificates
        if (leaf := surroundings.certificate(arn)) is not None
    ]
    if not leaves:
        return {}
    files: Sequence[Mapping[str, str]] = [{"certFile": str(leaf.chain), "keyFile": str(leaf.key)} for leaf in leaves]
    only_13 = all(listener.ssl_policy.startswith("ELBSecurityPolicy-TLS13-1-3") for listener in secure)
    return {
        "certificates": [dict(file) for file in files],
        "stores": {"default": {"defaultCertificate": dict(files[0])}},
        "options": {"default": {"minVersion": "VersionTLS13" if only_13 else "VersionTLS12"}},
    }

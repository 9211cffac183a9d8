"""The bridge's half for Elastic Load Balancing: jwt-validation actions, which ministack drops, are kept and shown.

Rules: JwtValidationActionConfig in the Elastic Load Balancing API reference and "Verify JWTs using an Application Load
Balancer" in the user guide: HTTPS listeners only, an https JWKS endpoint, at most 10 claims of at most 10 values.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from ministack.services import alb
from ministack.services.cloudformation import provisioners

from emulator.bridge_data_plane import Record

_NAMES: Mapping[Any, Sequence[str]] = {
    alb: ("_action_xml", "_listeners", "_lbs"),
    provisioners: ("_elbv2_listener_actions",),
}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")

_FORMATS = ("single-string", "string-array", "space-separated-values")


def install() -> None:
    """Keep the configuration of jwt-validation actions of templates and show it in descriptions."""
    inner_actions, inner_xml = provisioners._elbv2_listener_actions, alb._action_xml

    def listener_actions(props: Record, balancer: str | None, prop: str = "DefaultActions") -> list[Record]:
        _check_groups(props, balancer, props.get(prop) or ())
        actions: list[Record] = inner_actions(props, balancer, prop)
        for action, given in zip(actions, props.get(prop) or (), strict=True):
            if given.get("Type") == "jwt-validation":
                listener = alb._listeners.get(props.get("ListenerArn")) or {}
                action["JwtValidationConfig"] = _checked(given, str(props.get("Protocol") or listener.get("Protocol")))
        return actions

    provisioners._elbv2_listener_actions = listener_actions
    alb._action_xml = lambda action: str(inner_xml(action)).removesuffix("</member>") + _xml(action) + "</member>"


def named_by_scheme(arn: str) -> str:
    """Return the DNS name of a new load balancer, which for an internal one is made to say so."""
    balancer: Record = alb._lbs[arn]
    if balancer.get("Scheme") == "internal":
        balancer["DNSName"] = f"internal-{balancer['DNSName']}"
    return str(balancer["DNSName"])


def _check_groups(props: Mapping[str, Any], balancer: str | None, actions: Sequence[Any]) -> None:
    """Raise ValueError for a target group that another load balancer has (TargetGroupAssociationLimit)."""
    own = balancer or (alb._listeners.get(props.get("ListenerArn")) or {}).get("LoadBalancerArn")
    holders = [(one["LoadBalancerArn"], one.get("DefaultActions")) for one in alb._listeners.values()]
    holders += [
        (alb._listeners[rule["ListenerArn"]]["LoadBalancerArn"], rule.get("Actions"))
        for rule in alb._rules.values()
        if rule["ListenerArn"] in alb._listeners
    ]
    for group in _forwarded(actions):
        if any(own and other != own and group in _forwarded(held) for other, held in holders):
            text = "The following target groups cannot be associated with more than one load balancer"
            raise ValueError(f"{text}: {group}")


def _forwarded(actions: Sequence[Any] | None) -> set[str]:
    return {group for action in actions or () for group in _groups(action)}


def _groups(action: Mapping[str, Any]) -> set[str]:
    listed = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
    return {str(one) for one in (action.get("TargetGroupArn"), *(item.get("TargetGroupArn") for item in listed)) if one}


def _checked(action: Mapping[str, Any], protocol: str) -> Record:
    configuration: Record = dict(action.get("JwtValidationConfig") or {})
    if protocol != "HTTPS":
        raise ValueError(f"jwt-validation actions are supported on HTTPS listeners only, not on {protocol}")
    issuer, endpoint = str(configuration.get("Issuer") or ""), str(configuration.get("JwksEndpoint") or "")
    if not issuer or urlsplit(endpoint).scheme != "https":
        raise ValueError("JwtValidationConfig needs an Issuer and a JwksEndpoint whose URL begins with https://")
    claims = configuration.get("AdditionalClaims") or ()
    if len(claims) > 10:
        raise ValueError("JwtValidationConfig takes at most 10 additional claims")
    for claim in claims:
        values = claim.get("Values") or ()
        if claim.get("Format") not in _FORMATS or not claim.get("Name") or not 1 <= len(values) <= 10:
            raise ValueError(f"an additional claim needs a Name, 1 to 10 Values and a Format of {', '.join(_FORMATS)}")
    return configuration


def _xml(action: Mapping[str, Any]) -> str:
    configuration = action.get("JwtValidationConfig")
    if not configuration:
        return ""
    claims = "".join(
        f"<member><Format>{claim['Format']}</Format><Name>{escape(str(claim['Name']))}</Name>"
        f"<Values>{''.join(f'<member>{escape(str(value))}</member>' for value in claim['Values'])}</Values></member>"
        for claim in configuration.get("AdditionalClaims") or ()
    )
    plain = "".join(f"<{key}>{escape(str(configuration[key]))}</{key}>" for key in ("JwksEndpoint", "Issuer"))
    return f"<JwtValidationConfig>{plain}<AdditionalClaims>{claims}</AdditionalClaims></JwtValidationConfig>"

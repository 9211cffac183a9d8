"""The bridge's part for listeners: ministack drops the configuration of jwt-validation actions; here it is kept."""

from typing import Any
from xml.sax.saxutils import escape

from ministack.services import alb
from ministack.services.cloudformation import provisioners

Record = dict[str, Any]

_NAMES = ((alb, "_action_xml"), (provisioners, "_elbv2_listener_actions"))
_missing = [f"{module.__name__}.{name}" for module, name in _NAMES if not hasattr(module, name)]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")


def keep_token_checks() -> None:
    """Make templates' listeners and rules keep JwtValidationConfig, and DescribeListeners and DescribeRules show it.

    HTTPS listeners only take the action (ELBv2 user guide, listener-verify-jwt): it is refused on others.
    """
    plain_actions, plain_xml = provisioners._elbv2_listener_actions, alb._action_xml

    def listener_actions(props: Record, balancer: str | None, prop: str = "DefaultActions") -> list[Record]:
        kept: list[Record] = plain_actions(props, balancer, prop)
        declared = [action for action in props.get(prop) or [] if isinstance(action, dict)]
        for action, source in zip(kept, declared, strict=True):
            if source.get("Type") != "jwt-validation":
                continue
            listener = alb._listeners.get(props.get("ListenerArn")) or {}
            protocol = props.get("Protocol") or listener.get("Protocol")
            if protocol != "HTTPS":
                raise ValueError("Actions of type 'jwt-validation' are supported only on HTTPS listeners")
            action["JwtValidationConfig"] = source.get("JwtValidationConfig") or {}
        return kept

    def action_xml(action: Record) -> str:
        text: str = plain_xml(action)
        config = action.get("JwtValidationConfig")
        return text.replace("</member>", f"{_config_xml(config)}</member>") if config else text

    provisioners._elbv2_listener_actions = listener_actions
    alb._action_xml = action_xml


def _config_xml(config: Record) -> str:
    claims = "".join(
        f"<member><Format>{escape(claim['Format'])}</Format><Name>{escape(claim['Name'])}</Name>"
        f"<Values>{''.join(f'<member>{escape(str(value))}</member>' for value in claim['Values'])}</Values></member>"
        for claim in config.get("AdditionalClaims") or ()
    )
    return (
        f"<JwtValidationConfig><JwksEndpoint>{escape(config['JwksEndpoint'])}</JwksEndpoint>"
        f"<Issuer>{escape(config['Issuer'])}</Issuer>"
        f"<AdditionalClaims>{claims}</AdditionalClaims></JwtValidationConfig>"
    )

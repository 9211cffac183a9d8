"""ClientRequestToken of CreateStack, UpdateStack and DeleteStack: a request that is sent again is answered again.

The CloudFormation service model: the token tells CloudFormation that a retried request is no attempt to make, update
or delete another stack; ``TokenAlreadyExistsException`` is the answer to another request with a used token.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from emulator import bridge_stacks
from emulator.records import Table

_ACTIONS = ("CreateStack", "UpdateStack", "DeleteStack")
_tokens = Table("stack-tokens")


def install() -> None:
    """Remember the answers to requests with a token; call it after what else corrects these operations."""
    for name in _ACTIONS:
        bridge_stacks.action(name, _remembering(name, bridge_stacks.current_action(name)))


def _remembering(
    name: str, inner: Callable[[Mapping[str, Any]], tuple[int, dict[str, str], bytes]]
) -> Callable[[Mapping[str, Any]], Any]:
    def answer(parameters: Mapping[str, Any]) -> Any:
        token = _text(parameters.get("ClientRequestToken", ""))
        if not token:
            return inner(parameters)
        request = _digest(name, parameters)
        known = _tokens.get(token)
        if known is not None and known["Request"] != request:
            text = f"The client request token {token} was used for another request"
            return bridge_stacks.error("TokenAlreadyExistsException", text, 400)
        if known is not None:
            return 200, dict(known["Headers"]), b64decode(known["Body"])
        status, headers, body = inner(parameters)
        if status == 200:
            kept = b64encode(body).decode()
            _tokens.put(token, {"Request": request, "Headers": dict(headers), "Body": kept})
        return status, headers, body

    return answer


def _text(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else str(value[0]) if value else ""


def _digest(name: str, parameters: Mapping[str, Any]) -> str:
    given = sorted((key, _text(value)) for key, value in parameters.items())
    return sha256(repr((name, given)).encode()).hexdigest()

"""Cedar statements as an AgentCore policy engine takes them: text alone, nothing of who may do what.

The entities are those of the schema that AgentCore makes of a gateway's tools (AgentCore developer guide, "Policy
scope" and "Schema constraints"): `AgentCore::IamEntity` calls, `AgentCore::Action::"target___tool"` is called, and a
statement that names actions names the one `AgentCore::Gateway` that has them, by its whole ARN.
"""

from collections.abc import Sequence
from typing import Final

GATEWAY: Final = "<gateway>"
"""Stands for the gateway's ARN, which nobody knows before the gateway is there; the template puts it in."""
ANYTHING: Final = "*"
"""What stands for any text in a pattern (Cedar, `like`)."""


def string(text: str) -> str:
    """Returns the literal of `text`: what Cedar reads back is `text`, whatever it holds."""
    return f'"{_escaped(text)}"'


def pattern(text: str) -> str:
    """Returns the literal of a pattern for `like`, in which each asterisk of `text` stands for anything."""
    return f'"{ANYTHING.join(map(_escaped, text.split(ANYTHING)))}"'


def _escaped(text: str) -> str:
    return "".join(_character(character) for character in text)


def _character(character: str) -> str:
    if character in ('"', "\\"):
        return f"\\{character}"
    if character.isascii() and character.isprintable():
        return character
    return f"\\u{{{ord(character):x}}}"


def is_one_of(principals: Sequence[str]) -> str:
    """Returns the condition that the caller's id is one of `principals`; one with an asterisk is a pattern."""
    return " || ".join(
        f"principal.id like {pattern(one)}" if ANYTHING in one else f"principal.id == {string(one)}"
        for one in principals
    )


def permit(actions: Sequence[str], condition: str = "") -> str:
    """Returns the statement that permits the `actions` on the gateway; without a `condition` to every IAM caller."""
    listed = ", ".join(f"AgentCore::Action::{string(action)}" for action in actions)
    when = f" when {{ {condition} }}" if condition else ""
    return (
        f"permit(principal is AgentCore::IamEntity, action in [{listed}],"
        f" resource == AgentCore::Gateway::{string(GATEWAY)}){when};"
    )

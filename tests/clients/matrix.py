"""What each real client is to get of this server, and what it cannot and why: the client matrix.

The tests call with every client and compare; ``python -m tests.clients.matrix`` writes the page from what is said here.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.environments import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "client-matrix.md"
HANDSHAKE, MODERN = "2025-11-25", "2026-07-28"

LISTED = ("test_simple_text", "test_streaming_elicitation")
"""The first and the last of the fixture's tools, which are on different pages of its list."""

ANSWERS: Mapping[str, Any] = {
    "list": list(LISTED),
    "call": "This is a simple text response for testing.",
    "structured output": {"result": "This is a simple text response for testing."},
    "error": "This tool intentionally returns an error for testing",
    "progress": [0, 50, 100],
    "log": ["Tool execution started", "Tool processing data", "Tool execution completed"],
    "cancel": "given up, and the call has ended",
    "question": "some name likes some color.",
    "resource": "This is the content of the static text resource.",
    "resource template": '{"id":"7","templateTest":true,"data":"Data for ID: 7"}',
    "prompt": "Prompt with arguments: arg1='a', arg2='b'",
    "completion": ["paris", "park", "party"],
}
"""By feature, what a client gets that has it; `question` is a tool that asks the user twice before it answers."""

GATEWAY_ANSWERS: Mapping[str, Any] = {
    "list": True,
    "call": "hello",
    "structured output": {"result": "hello"},
    "error": "The secret setting none is not configured; add the key none to the secret given as TOOL_SECRETS.",
    "progress": [1, 2, 3],
    "log": ["one", "two"],
    "question": "Hello, some name! (asked once)",
}
"""The same through the gateway, with the tools of `tests.server.example_tools`."""

_NO_SESSIONS = "a server without sessions cannot ask in this era; the refusal says so"
_LATE_CANCEL = (
    "in this era a call is cancelled by a request of its own, which may reach another task; the call runs to its end, "
    "or to its tool's time limit"
)
_ONE_SHOT = "the command has no option for it"
_GATEWAY_TOOLS = "the local gateway stands in for tools alone"
_GATEWAY_CANCEL = (
    "what AWS's gateway tells a target whose caller has left is not documented; the local one lets the call end"
)


@dataclass(frozen=True)
class RealClient:
    """A client that somebody else made.

    name: what it is called, with its version.
    era: the protocol version that it speaks.
    gateway: whether it calls through the local gateway, signed, and not the server itself.
    limits: the features that it does not get, each with the reason.
    """

    name: str
    era: str
    gateway: bool = False
    limits: Mapping[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> Mapping[str, Any]:
        """Return the answer of every feature that there is where the client calls."""
        return GATEWAY_ANSWERS if self.gateway else ANSWERS

    def differences(self, found: Mapping[str, Any]) -> list[str]:
        """Return how what was `found`, by feature, differs from what is said here; a limit that is none differs too."""
        return [
            f"{name}: {found.get(name)!r}, not {answer!r}"
            for name, answer in self.answers.items()
            if (found.get(name) == answer) is (name in self.limits)
        ]


FASTMCP_HANDSHAKE = RealClient("FastMCP 4.1", HANDSHAKE, limits={"question": _NO_SESSIONS, "cancel": _LATE_CANCEL})
FASTMCP_MODERN = RealClient("FastMCP 4.1", MODERN)
TYPESCRIPT_1 = RealClient("TypeScript SDK 1.32", HANDSHAKE, limits={"question": _NO_SESSIONS, "cancel": _LATE_CANCEL})
TYPESCRIPT_2 = RealClient("TypeScript SDK 2.4", MODERN)
_INSPECTOR = dict.fromkeys(("progress", "log", "cancel", "question", "completion"), _ONE_SHOT)
INSPECTOR_HANDSHAKE = RealClient("Inspector 2.12 (command line)", HANDSHAKE, limits=_INSPECTOR)
INSPECTOR_MODERN = RealClient("Inspector 2.12 (command line)", MODERN, limits=_INSPECTOR)
PROXY = RealClient(
    "mcp-proxy-for-aws 1.7", HANDSHAKE, gateway=True, limits={"question": _NO_SESSIONS, "cancel": _GATEWAY_CANCEL}
)
FASTMCP_GATEWAY = RealClient("FastMCP 4.1, signed", MODERN, gateway=True, limits={"cancel": _GATEWAY_CANCEL})

CLIENTS = (
    FASTMCP_HANDSHAKE,
    FASTMCP_MODERN,
    TYPESCRIPT_1,
    TYPESCRIPT_2,
    INSPECTOR_HANDSHAKE,
    INSPECTOR_MODERN,
    PROXY,
    FASTMCP_GATEWAY,
)


def rendered() -> str:
    """Return the page as Markdown."""
    lines = [
        "# Client matrix",
        "",
        "What real clients get of this server, and what they do not. Every cell is a test: each client is started,",
        "calls, and is compared with this table (`tests/clients/`). `python -m tests.clients.matrix` writes the page.",
        "",
        "| client | protocol | called | " + " | ".join(ANSWERS) + " |",
        "|---|---|---|" + "---|" * len(ANSWERS),
    ]
    notes: list[str] = []
    for client in CLIENTS:
        cells = []
        for feature in ANSWERS:
            reason = client.limits.get(feature, "" if feature in client.answers else _GATEWAY_TOOLS)
            if reason and reason not in notes:
                notes.append(reason)
            cells.append(f"no ({notes.index(reason) + 1})" if reason else "yes")
        called = "through the local gateway" if client.gateway else "the server"
        lines.append(f"| {client.name} | {client.era} | {called} | " + " | ".join(cells) + " |")
    lines += ["", *(f"{number}. {note[0].upper()}{note[1:]}." for number, note in enumerate(notes, 1))]
    lines += [
        "",
        "*list* has all of three pages; *question* is a tool that asks the user before it answers; *cancel*, that a",
        "call which its caller gives up ends in the server too. The gateway is the local stand-in; requests to it are",
        "signed for real.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page; return the exit status."""
    PAGE.write_text(rendered(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

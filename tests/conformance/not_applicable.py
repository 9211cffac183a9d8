"""The conformance suite's scenarios that this server cannot pass, with the reason; the rest it passes."""

_SESSIONS = "asks the client while a tool runs, for which the answer must find its way to the same task: a session. "
_INSTEAD = "passes in 2026-07-28, where a call ends with its questions"

NOT_APPLICABLE: dict[tuple[str, str], str] = {
    ("2025-11-25", "tools-call-sampling"): (f"It {_SESSIONS}`input-required-result-basic-sampling` {_INSTEAD}."),
    ("2025-11-25", "tools-call-elicitation"): (f"It {_SESSIONS}`input-required-result-basic-elicitation` {_INSTEAD}."),
    ("2025-11-25", "elicitation-sep1034-defaults"): f"It {_SESSIONS}The tool's refusal says so.",
    ("2025-11-25", "elicitation-sep1330-enums"): f"It {_SESSIONS}The tool's refusal says so.",
    ("2025-11-25", "resources-subscribe"): (
        "A subscription belongs to a session. The server does not advertise `resources.subscribe`: no client asks."
    ),
    ("2025-11-25", "resources-unsubscribe"): "As `resources-subscribe`.",
    ("2025-11-25", "server-session-lifecycle"): "There are no sessions to end; the suite finds none and tries nothing.",
    ("2025-11-25", "server-sse-multiple-streams"): (
        "The suite tries it only with a session; in 2026-07-28 it passes without one."
    ),
    ("2025-11-25", "server-sse-polling"): (
        "A stream that is cut off is not taken up again: that needs a store of events that all tasks share."
    ),
}
"""Why, by protocol version and scenario."""

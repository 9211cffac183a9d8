"""The page `docs/runbook.md`: a section for each alarm, made of the same entries as the alarms' descriptions."""

from collections.abc import Iterator

from generator.runbook import ATTENTION, DEPLOYMENT, ENTRIES, FAILING, Entry

HEAD = """# Runbook

Each alarm's description ends with the address of its section here: `operations.runbook_url` says where your people find
this page. `python build.py generate` makes it out of `generator/runbook.py`, as it does the alarms.

Alarms tell nobody by themselves. Two composite alarms tell the topic: `CallersFail` goes off where callers fail or
wait, `NeedsAttention` where they do not yet. Each speaks once when the first of its alarms goes off, and once when all
are quiet again; the dashboard shows which. `LOG_GROUP`, `CLUSTER`, `SERVICE`, `TARGET_GROUP` and `CERTIFICATE` stand
for what the stack's outputs and `python build.py status` name, `RUNTIME` for the runtime's name with the suffix that
its log groups bear, `TOOL` for one of its tools.
"""


def page() -> str:
    """Returns the whole page."""
    return "\n".join([HEAD, *_index(), *(line for entry in ENTRIES for line in _section(entry))]).rstrip() + "\n"


def _index() -> Iterator[str]:
    for alarm, urgency in (("CallersFail", FAILING), ("NeedsAttention", ATTENTION), ("The service", DEPLOYMENT)):
        links = [f"[{entry.title}](#{entry.anchor})" for entry in ENTRIES if entry.urgency == urgency]
        yield f"**{alarm}**, {urgency}: {', '.join(links)}."
        yield ""


def _section(entry: Entry) -> Iterator[str]:
    yield f"## {entry.title}"
    yield ""
    names = " and ".join(f"`{name}`" for name in entry.alarms)
    yield f"{names}. {entry.meaning} {entry.felt}"
    yield ""
    yield "Look here first:"
    yield ""
    yield "<!-- needs AWS -->"
    yield "```sh"
    yield from entry.look
    yield "```"
    yield ""
    for heading, sentences in (("Usual causes", entry.causes), ("What to do", entry.remedies)):
        yield f"{heading}:"
        yield ""
        yield from (f"- {sentence}" for sentence in sentences)
        yield ""

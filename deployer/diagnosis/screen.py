"""A diagnosis as people read it: what failed, why, what to do, where to look, and what else AWS said."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from rich.console import Console

from deployer.diagnosis.evidence import Diagnosis, Evidence
from deployer.progress_words import core

INDENT: Final = 14
UNBROKEN: Final = ("look", "known from")
REST: Final = 8
"""So much of what else was said fits beside the cause on one screen; JSON has all of it."""
UNKNOWN_WHAT = "The cause is not in the catalogue; below is what AWS said, word for word."
UNKNOWN_DO = "Look at the place below; `--output json` has everything that was read."


def draw(screen: Console, found: Sequence[Diagnosis]) -> None:
    """Prints each target's diagnosis; addresses and commands are never broken, so that they can be copied."""
    for diagnosis in found:
        screen.print()
        screen.print(f"{diagnosis.account} {diagnosis.region}: {_heading(diagnosis)}", style="bold", soft_wrap=True)
        for label, text in _rows(diagnosis):
            for line in _lines(label, text, screen.width):
                screen.print(line, soft_wrap=True)


def _heading(diagnosis: Diagnosis) -> str:
    if not diagnosis.found:
        return "nothing failed in its last operation" if not diagnosis.notes else "nothing could be read"
    return diagnosis.code if diagnosis.cause else f"{diagnosis.code}, an unknown cause"


def _rows(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    leading, cause = diagnosis.leading, diagnosis.cause
    if leading is not None:
        yield "what", cause.what if cause else UNKNOWN_WHAT
        if cause:
            yield "why", cause.why
        yield "do", cause.remedy if cause else UNKNOWN_DO
        yield "where", f"{leading.place} ({leading.kind})" if leading.kind else leading.place
        yield "AWS says", core(leading.text)
        if leading.look:
            yield "look", leading.look
        if cause:
            yield "known from", cause.source
    for index, one in enumerate(diagnosis.rest[:REST]):
        yield "" if index else "also said", _told(one)
    left = len(diagnosis.rest) - REST
    if left > 0:
        yield "", f"and {left} more, with --output json"
    for note in diagnosis.notes:
        yield "not read", note


def _lines(label: str, text: str, width: int) -> list[str]:
    if label in UNBROKEN:
        return [f"  {label:<12}{text}"]
    folded = wrap(" ".join(text.split()), max(width - INDENT, 20), break_long_words=False, break_on_hyphens=False)
    return [f"  {label if not index else '':<12}{line}" for index, line in enumerate(folded)]


def _told(evidence: Evidence) -> str:
    return f"{evidence.place}: {core(evidence.text)}"

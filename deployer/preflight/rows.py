"""What a preflight says of one thing at one place, and the table that its rows make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from deployer.verification import Evidence

RESULTS: Final = {True: "passed", False: "FAILED", None: "not checked"}


@dataclass(frozen=True)
class Row:
    """One thing at one place. `passed` is None where it was not checked, and then `evidence` is `none`.

    `detail` says what was seen; `remedy` is a sentence of its own that says what is wrong, where, and what to do, empty
    unless it failed. A row that is not `certain` is a forecast: a deployment goes on, and tells it.
    """

    check: str
    where: str
    passed: bool | None
    detail: str
    remedy: str = ""
    evidence: Evidence = "observed"
    certain: bool = True

    @property
    def result(self) -> str:
        """The result as people read it."""
        return RESULTS[self.passed]


def passed(check: str, where: str, detail: str, evidence: Evidence = "observed") -> Row:
    """Returns the row of a thing that is as it must be."""
    return Row(check, where, True, detail, evidence=evidence)


def failed(
    check: str, where: str, detail: str, remedy: str, evidence: Evidence = "observed", certain: bool = True
) -> Row:
    """Returns the row of a thing for which a deployment would fail."""
    return Row(check, where, False, detail, remedy, evidence, certain)


def unchecked(check: str, where: str, why: str) -> Row:
    """Returns the row of a thing that could not be looked at."""
    return Row(check, where, None, why, evidence="none")


@dataclass(frozen=True)
class Table:
    """The rows of one preflight."""

    rows: tuple[Row, ...]

    @property
    def red(self) -> tuple[Row, ...]:
        """The rows that failed."""
        return tuple(row for row in self.rows if row.passed is False)

    def told(self) -> str:
        """Returns the table as one line: how much passed, and what was not checked."""
        good = sum(row.passed is True for row in self.rows)
        open_ = [f"{row.check} of {row.where}" for row in self.rows if row.passed is None]
        said = f"{good} check{'s' if good != 1 else ''} passed"
        said += f"; {len(self.red)} FAILED" if self.red else ""
        return f"{said}; not checked: {', '.join(open_)}" if open_ else said

    def folded(self, most: int) -> list[tuple[str, str, str, str, str]]:
        """Returns the rows as people read them: what passed at more than `most` places is one line."""
        places: dict[tuple[str, Evidence], list[Row]] = {}
        for row in self.rows:
            if row.passed:
                places.setdefault((row.check, row.evidence), []).append(row)
        many = {key: rows for key, rows in places.items() if len(rows) > most}
        lines: list[tuple[str, str, str, str, str]] = []
        for row in self.rows:
            alike = many.get((row.check, row.evidence), []) if row.passed else []
            if not alike:
                lines.append((row.check, row.where, row.result, row.evidence, row.detail))
            elif row is alike[0]:
                detail = row.detail if len({one.detail for one in alike}) == 1 else ""
                lines.append((row.check, f"{len(alike)} places", row.result, row.evidence, detail))
        return lines

    def as_data(self) -> list[dict[str, Any]]:
        """Returns it as plain data."""
        return [{**asdict(row), "result": row.result} for row in self.rows]


def sentences(rows: Sequence[Row]) -> list[str]:
    """Returns the remedies of rows, each once, in their order."""
    return list(dict.fromkeys(row.remedy for row in rows if row.remedy))

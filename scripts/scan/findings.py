"""What the scanners found, and the entries that answer findings one by one.

`entries.toml` holds one table a resource and rule. An entry says why the finding stays (`reason`, which names the AWS
constraint behind it) and where that is written (`source`); `under` restricts it to variants of that name, so that a
finding that the development preset is meant to have is still one under production.
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KEYS: Final = ("resource", "rule", "reason", "source", "under")
SHORTEST_REASON: Final = 40
"""Characters below which a reason names nothing."""


@dataclass(frozen=True, order=True)
class Finding:
    """What a scanner says of one resource: `resource` is `runtime/Title` or the stem of a foundation's template with
    the title, `rule` the scanner's id of the rule, `variant` the variant in which it was seen, `form` the root's stem.
    """

    resource: str
    rule: str
    variant: str
    form: str
    message: str


@dataclass(frozen=True)
class Entry:
    """The answer to one finding: `under` is empty, or a word of the variants that the entry is restricted to."""

    resource: str
    rule: str
    reason: str
    source: str
    under: str = ""

    def answers(self, finding: Finding) -> bool:
        """Returns whether this entry is about a finding."""
        same = (self.resource, self.rule) == (finding.resource, finding.rule)
        return same and (not self.under or self.under in finding.variant.split("-"))


def read(path: Path) -> list[Entry]:
    """Returns the entries of a file. Raises `ValueError` in one sentence where one is not whole, or not about exactly
    one resource and one rule.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("entry", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error
    entries = []
    for number, table in enumerate(tables, 1):
        what = f"entry {number} of {path.name} ({table.get('resource', '?')}, {table.get('rule', '?')})"
        if unknown := sorted(table.keys() - set(KEYS)):
            raise ValueError(f"{what} has a key that entries do not have: {unknown[0]}")
        if missing := [key for key in KEYS[:4] if not isinstance(table.get(key), str) or not table[key].strip()]:
            raise ValueError(f"{what} has no {missing[0]}")
        if "*" in table["resource"] or "*" in table["rule"] or "/" not in table["resource"]:
            raise ValueError(f"{what} is not about one resource, written template/LogicalId, and one rule")
        if len(table["reason"]) < SHORTEST_REASON:
            raise ValueError(f"{what} has a reason too short to name what forces it")
        if not table["source"].startswith("https://"):
            raise ValueError(f"{what} has a source that is no https:// address")
        entries.append(Entry(**table))
    seen = set()
    for entry in entries:
        key = (entry.resource, entry.rule, entry.under)
        if key in seen or (entry.under and (entry.resource, entry.rule, "") in seen):
            raise ValueError(f"{path.name} has two entries for {entry.resource} and {entry.rule}")
        seen.add(key)
    return entries


def judged(findings: Iterable[Finding], entries: Iterable[Entry]) -> Iterator[str]:
    """Yields one sentence for each finding, over all variants, that no entry answers, and for each entry that answers
    no finding any more.
    """
    found, entries = list(findings), list(entries)
    open_ones: dict[tuple[str, str], list[Finding]] = {}
    for finding in sorted(found):
        if not any(entry.answers(finding) for entry in entries):
            open_ones.setdefault((finding.resource, finding.rule), []).append(finding)
    for (resource, rule), group in open_ones.items():
        where = ", ".join(dict.fromkeys(f"{finding.form} {finding.variant}" for finding in group))
        yield f"{resource}: {rule}: {group[0].message} ({where})"
    for entry in entries:
        if not any(entry.answers(finding) for finding in found):
            under = f" under {entry.under}" if entry.under else ""
            yield f"{entry.resource}: {entry.rule}: the entry answers no finding{under} any more; remove it."

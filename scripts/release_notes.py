"""Release notes from what changed between two revisions, and a check that an update replaces nothing unannounced.

`python -m scripts.release_notes [FROM [TO]] [--check]`: FROM is the last tag where it is left out, TO the working tree.
Computed from the checked-in templates and tool contracts of both, as `plan` computes what a deploy changes. With
--check it prints what is replaced or removed without an entry in `docs/announced.toml`, and entries that announce what
does not happen; it then ends with status 3.
"""

import argparse
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from deployer.costs import FOUND_ZONE, UNCONFIGURED, UNKNOWN_ACCOUNT
from deployer.evaluating import evaluated
from deployer.plan_costs import cost_change
from deployer.replacement import fixed
from deployer.update_diff import ResourceChange, difference
from deployer.update_warnings import warnings
from generator import parameters as p
from generator.cost.prices import HOME
from generator.evaluation import Deployment
from generator.stacks.runtime import PARENT_FILE
from generator.tool_catalogue import FILE, Catalogue
from generator.tool_changes import Changes, compare

ROOT: Final = Path(__file__).resolve().parent.parent
ANNOUNCED: Final = Path("docs/announced.toml")
REVISIONS: Final = frozenset({"AWS::ECS::TaskDefinition"})
"""Types whose every change makes a new revision, which replaces nothing that anybody holds."""
DOMAIN: Final = {p.PARENT_DOMAIN.name: "example.com", p.HOSTED_ZONE_ID.name: FOUND_ZONE}
VARIANTS: Final[Mapping[str, Mapping[str, str]]] = {
    "development": DOMAIN,
    "production": {**DOMAIN, p.PRESET_NAME.name: "production"},
    "private, with endpoints": {**DOMAIN, p.EXPOSURE.name: "private", p.INTERFACE_ENDPOINTS.name: "on"},
    "tool access, three zones": {**DOMAIN, p.TOOL_ACCESS.name: "log-only", p.ZONE_COUNT.name: "3"},
}
"""The runtimes that are held against an update."""


class ReleaseError(Exception):
    """The notes cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Revision:
    """What one revision deploys: its templates by file name, and its tools."""

    name: str
    templates: Mapping[str, Any]
    tools: Catalogue

    def runtime(self, values: Mapping[str, str]) -> Deployment:
        """Returns its runtime under values, those that it has no parameter for left out."""
        known = self.templates[PARENT_FILE]["Parameters"]
        given = {name: value for name, value in {**UNCONFIGURED, **values}.items() if name in known}
        own = {name: str(one["Default"]) for name, one in known.items() if "Default" in one and name not in values}
        return evaluated(self.templates, PARENT_FILE, {**given, **own}, UNKNOWN_ACCOUNT, HOME)


@dataclass(frozen=True)
class Notes:
    """What changed from one revision to another: sentences on the form, changes of each variant, tools, costs."""

    before: str
    after: str
    form: tuple[str, ...]
    changes: Mapping[str, tuple[ResourceChange, ...]]
    costs: Mapping[str, str]
    tools: Changes

    @property
    def disruptive(self) -> dict[str, str]:
        """The resources that an update replaces or removes in some variant, by logical id, with what forces it."""
        found: dict[str, str] = {}
        for changes in self.changes.values():
            for change in changes:
                if change.resource_type not in REVISIONS and change.action in ("replace", "may replace", "remove"):
                    why = f" ({', '.join(change.forced_by)})" if change.forced_by else ""
                    found.setdefault(change.logical_id, f"{_WORDS[change.action]}{why}")
        return found

    def text(self) -> str:
        """Returns the notes as Markdown."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"# From {self.before} to {self.after}"
        yield from _section("Tools", self.tools.lines())
        yield from _section("Parameters and outputs", self.form)
        for variant, changes in self.changes.items():
            told = [f"{warned.code}: {warned.sentence}" for warned in warnings(changes)]
            told += [f"{one.action} {one.where} ({one.resource_type}){_why(one)}" for one in changes]
            told += [self.costs[variant]] if self.costs.get(variant) else []
            yield from _section(f"A runtime: {variant}", told)


_WORDS: Final = {"replace": "replaced", "may replace": "perhaps replaced", "remove": "removed"}


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield from (f"- {line}" for line in lines or ["nothing changes"])


def _why(change: ResourceChange) -> str:
    return f": {', '.join(one.path for one in change.properties)}" if change.properties else ""


def notes(before: Revision, after: Revision) -> Notes:
    """Returns what changed between two revisions."""
    changes, costs = {}, {}
    for variant, values in VARIANTS.items():
        old, new = before.runtime(values), after.runtime(values)
        changes[variant] = difference(old, new, partial(fixed, HOME))
        cost = cost_change(old, new, HOME)
        if cost is not None and cost.components:
            costs[variant] = f"costs {cost.difference.expected:+.2f} US dollars a month at today's prices"
    form = tuple(_form(before.templates[PARENT_FILE], after.templates[PARENT_FILE]))
    return Notes(before.name, after.name, form, changes, costs, compare(before.tools, after.tools))


def _form(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yields what changed in the root's parameters and outputs, which configurations and people hold."""
    for section, word in (("Parameters", "parameter"), ("Outputs", "output")):
        old, new = before.get(section, {}), after.get(section, {})
        yield from (f"the {word} {name} is gone" for name in old if name not in new)
        for name in new:
            if name not in old:
                must = section == "Parameters" and "Default" not in new[name]
                yield f"the {word} {name} is new{', and must be given' if must else ''}"
    old, new = before["Parameters"], after["Parameters"]
    for name in (name for name in new if name in old):
        if old[name].get("Default") != new[name].get("Default"):
            yield f"the default of {name}: {_shown(old[name])} → {_shown(new[name])}"
        gone = [one for one in old[name].get("AllowedValues", ()) if one not in new[name].get("AllowedValues", (one,))]
        if gone:
            yield f"{name} takes no longer {', '.join(map(str, gone))}"


def _shown(parameter: Mapping[str, Any]) -> str:
    return repr(parameter["Default"]) if "Default" in parameter else "none"


def unannounced(found: Notes, announced: Iterable[Mapping[str, str]]) -> list[str]:
    """Returns what an update does that no entry announces, and entries for this update that announce nothing.

    An entry has `since`, the revision from which the update does it, `resource` and `because`.
    """
    entries = {entry["resource"]: entry for entry in announced if entry["since"] == found.before}
    told = [
        f"{name} is {what} when {found.before} is updated; announce it in {ANNOUNCED}, or undo it"
        for name, what in found.disruptive.items()
        if name not in entries
    ]
    stale = entries.keys() - found.disruptive.keys()
    return told + [
        f"{ANNOUNCED} announces {name}, which stays when {found.before} is updated" for name in sorted(stale)
    ]


def at(revision: str, root: Path = ROOT) -> Revision:
    """Returns a revision of the repository, the working tree where the name is empty.

    Raises ReleaseError where there is none such, or where it holds no templates.
    """
    if not revision:
        return _made("this tree", lambda path: (root / path).read_text(encoding="utf-8"), True)
    held = _git(root, "ls-tree", "--name-only", revision, f"templates/{PARENT_FILE}", FILE).split()
    if f"templates/{PARENT_FILE}" not in held:
        raise ReleaseError(f"{revision} has no templates/{PARENT_FILE}; name a revision that has.")
    return _made(revision, lambda path: _git(root, "show", f"{revision}:{path}"), FILE in held)


def _made(name: str, read: Callable[[str], str], has_tools: bool) -> Revision:
    """Returns a revision of which the nested templates are read, which the flattened one equals."""
    templates = {PARENT_FILE: yaml.load(read(f"templates/{PARENT_FILE}"), yaml.CSafeLoader)}
    for resource in templates[PARENT_FILE]["Resources"].values():
        file = resource.get("Properties", {}).get("TemplateURL")
        if isinstance(file, str):
            templates[file] = yaml.load(read(f"templates/{file}"), yaml.CSafeLoader)
    return Revision(name, templates, Catalogue.parse(read(FILE)) if has_tools else Catalogue(()))


def last_tag(root: Path = ROOT) -> str:
    """Returns the last tag before the working tree; raises ReleaseError where there is none."""
    try:
        return _git(root, "describe", "--tags", "--abbrev=0").strip()
    except ReleaseError as error:
        raise ReleaseError("There is no tag to begin from; name a revision.") from error


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ReleaseError(f"git {words[0]} failed: {said[-1] if said else done.returncode}; name a revision.")
    return done.stdout


def announcements(root: Path = ROOT) -> list[dict[str, str]]:
    """Returns the entries of what is announced."""
    return list(tomllib.loads((root / ANNOUNCED).read_text(encoding="utf-8")).get("announced", []))


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Prints the notes, or with --check what is not announced; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.release_notes", description=__doc__.splitlines()[0])
    parser.add_argument("before", metavar="FROM", nargs="?", default="", help="revision (default: the last tag)")
    parser.add_argument("after", metavar="TO", nargs="?", default="", help="revision (default: the working tree)")
    parser.add_argument("--check", action="store_true", help="exit 3 where an update replaces what is not announced")
    options = parser.parse_args(arguments)
    try:
        found = notes(at(options.before or last_tag(root), root), at(options.after, root))
    except ReleaseError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    if not options.check:
        print(found.text(), end="")
        return 0
    wrong = unannounced(found, announcements(root))
    for line in wrong:
        print(line)
    return 3 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

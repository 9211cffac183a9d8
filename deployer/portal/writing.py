"""Making the page and writing it in one step: nobody reads half of it, and the one before stays until it is whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from deployer import project_files
from deployer.errors import DeployerError
from deployer.portal import snapshot
from deployer.portal.facts import Facts, facts
from deployer.portal.page import page
from deployer.portal.snapshot import Snapshot
from deployer.session import CONFIGURATION, Session
from deployer.settings import Settings, in_home_region, load


@dataclass(frozen=True)
class Wish:
    """What the command line asks for: the file, one target or all (empty), no AWS at all, the truth test too."""

    file: Path
    only: str = ""
    offline: bool = False
    verify: bool = False


@dataclass(frozen=True)
class Portal:
    """The page that was written: where, of what, and how many bytes it has."""

    file: Path
    facts: Facts
    snapshot: Snapshot
    size: int

    def as_data(self) -> dict[str, Any]:
        """Returns where the page is and what is in it."""
        made = self.facts
        return {
            "file": str(self.file.resolve()),
            "bytes": self.size,
            "runtime": made.name,
            "configuration": made.configuration,
            "taken": made.taken.isoformat(timespec="seconds"),
            "revision": made.revision,
            "templates": made.templates_hash,
            "targets": [place.name for place in made.targets],
            "tools": list(made.tools.names) if made.tools else None,
            "local": self.snapshot.local,
            "parts": self.snapshot.as_data(),
        }

    def lines(self) -> Sequence[str]:
        """Returns what to tell of it; reasons that several parts share are told once."""
        told = [f"{self.file} is written: {self.facts.name}, {self.size:,} bytes."]
        reasons: dict[tuple[str, ...], list[str]] = {}
        for name, part in self.snapshot.as_data().items():
            if not part["included"]:
                reasons.setdefault(tuple(part["reasons"]), []).append(name.replace("_", " "))
        return told + [f"Without {', '.join(names)}: {' '.join(why)}" for why, names in reasons.items()]


def write_portal(session: Session, wish: Wish, taken: datetime) -> Portal:
    """Writes the page of the session's configuration, and returns what is in it; `taken` is now (UTC).

    Raises UsageError, the file being as it was, for a configuration or a target that cannot be, two endpoints at once,
    or a file that cannot be written. What AWS does not answer is missing on the page, which says why.
    """
    session.require_one_aws()
    file = session.file()
    settings = load(file)
    if session.options.region:
        settings = in_home_region(settings, session.options.region)
    made = facts(settings, file.name, wish.only, taken)
    seen = _snapshot(session, settings, wish)
    text = page(made, seen)
    project_files.write(wish.file, text)
    return Portal(wish.file, made, seen, len(text.encode()))


def _snapshot(session: Session, settings: Settings, wish: Wish) -> Snapshot:
    if wish.offline:
        return snapshot.absent(snapshot.OFFLINE)
    if session.options.config is None and not session.options.local and not CONFIGURATION.exists():
        return snapshot.absent(
            f"There is no deployment.toml, so that AWS was not asked: this is the example's {settings.runtime.name}."
        )
    try:
        return session.run(lambda context: snapshot.taken(context, wish.only, wish.verify))
    except DeployerError as error:
        return snapshot.absent(str(error), *error.others)

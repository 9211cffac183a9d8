"""What publishing did: as people read it, and as plain data."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from generator.tool_changes import Changes


@dataclass(frozen=True)
class Offer:
    """What a Region offers now: its portfolio and product, the version, and what was done to get there."""

    region: str
    portfolio: str
    product: str
    version: str
    changed: bool
    made: bool
    deprecated: tuple[str, ...]
    current: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """What was published, where it is offered, how its tools differ from the last version's, and what is left to do."""

    version: str
    template_url: str
    offers: tuple[Offer, ...]
    changes: Changes | None
    left: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether anything was changed."""
        return any(one.changed for one in self.offers)

    def as_data(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {
            "version": self.version,
            "template_url": self.template_url,
            "changed": self.changed,
            "regions": [vars(one) for one in self.offers],
            "tools": {"compared": self.changes is not None, "changes": self.changes.as_data() if self.changes else []},
            "left_to_do": list(self.left),
        }

    def lines(self) -> Iterator[str]:
        """Yields it as people read it."""
        yield f"{self.version} of {self.template_url.rpartition('/')[2]}"
        for one in self.offers:
            yield f"{one.region}: {'published' if one.made else 'there already'}, product {one.product}"
            if one.deprecated:
                yield f"  deprecated: {', '.join(one.deprecated)}"
            yield f"  new launches may take: {', '.join(one.current)}"
        if self.changes is None:
            yield "The tools were not compared: there is no earlier version, or its tools are not known."
        else:
            yield from self.changes.lines()
        yield from self.left

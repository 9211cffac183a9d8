"""What AgentCore's control plane knows, kept in one JSON file of the state folder; it holds no secret values."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Record = dict[str, Any]


@dataclass
class Region:
    """The records of one account and Region. Targets and rate limits are by gateway id, then by their own id; providers
    by name; policies by the ARN of their resource; policy engines by id, and by that their own policies, by id.
    """

    gateways: dict[str, Record] = field(default_factory=dict)
    targets: dict[str, dict[str, Record]] = field(default_factory=dict)
    rate_limits: dict[str, dict[str, Record]] = field(default_factory=dict)
    providers: dict[str, Record] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    policy_engines: dict[str, Record] = field(default_factory=dict)
    engine_policies: dict[str, dict[str, Record]] = field(default_factory=dict)


class Store:
    """The records of all accounts; ``change`` saves when its block ends without an exception."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._regions: dict[tuple[str, str], Region] = {}
        if path.exists():
            for key, content in json.loads(path.read_text()).items():
                account, _, region = key.partition("/")
                self._regions[account, region] = Region(**content)

    def region(self, account: str, region: str) -> Region:
        """Return the records of one account and Region, to be read."""
        with self._lock:
            return self._regions.setdefault((account, region), Region())

    def gateway_owner(self, gateway_id: str, region: str) -> str | None:
        """Return the account that a gateway belongs to, None when there is no such gateway in the Region."""
        with self._lock:
            for (account, owner_region), records in self._regions.items():
                if owner_region == region and gateway_id in records.gateways:
                    return account
        return None

    def gateway_region(self, gateway_id: str) -> str | None:
        """Return the Region in which some account has a gateway of this id."""
        with self._lock:
            for (_, region), records in self._regions.items():
                if gateway_id in records.gateways:
                    return region
        return None

    @contextmanager
    def change(self, account: str, region: str) -> Iterator[Region]:
        """Give the records of one account and Region to be changed by nobody else meanwhile."""
        with self._lock:
            yield self.region(account, region)
            self._save({f"{a}/{r}": vars(records) for (a, r), records in self._regions.items()})

    def _save(self, content: Mapping[str, Any]) -> None:
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps(content))
        draft.replace(self._path)

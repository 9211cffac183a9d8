"""What the additions to ministack remember, by account and Region; kept over restarts."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emulator.bridge_data_plane import current_scope

Record = dict[str, Any]
_tables: dict[str, "Table"] = {}


class Table:
    """Records by key within the current scope's account and Region. ``name`` is its file's name and must be unique."""

    def __init__(self, name: str) -> None:
        if name in _tables:
            raise ValueError(f"there is a table {name} already")
        self._rows: dict[tuple[str, str, str], Record] = {}
        self._lock = threading.Lock()
        _tables[name] = self

    def put(self, key: str, record: Record) -> None:
        """Keep a record, in the place of the one before."""
        with self._lock:
            self._rows[(*current_scope(), key)] = record

    def get(self, key: str) -> Record | None:
        """Return the record of a key, None when there is none."""
        return self._rows.get((*current_scope(), key))

    def pop(self, key: str) -> Record | None:
        """Forget a record and return it."""
        with self._lock:
            return self._rows.pop((*current_scope(), key), None)

    def items(self) -> Iterator[tuple[str, Record]]:
        """Yield keys and records of the current scope in the order in which they were put."""
        mine = current_scope()
        for (account, region, key), record in list(self._rows.items()):
            if (account, region) == mine:
                yield key, record

    def values(self) -> list[Record]:
        """Return the records of the current scope."""
        return [record for _, record in self.items()]

    def every(self) -> list[tuple[tuple[str, str, str], Record]]:
        """Return the records of all scopes by account, Region and key."""
        return list(self._rows.items())

    def dump(self) -> list[Any]:
        """Return everything as JSON can hold it."""
        return [[*key, record] for key, record in list(self._rows.items())]

    def load(self, rows: list[Any]) -> None:
        """Take what ``dump`` gave."""
        self._rows = {(account, region, key): record for account, region, key, record in rows}


def save(folder: Path) -> None:
    """Write every table to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in _tables.items():
        written = folder / f"{name}.json.new"
        written.write_text(json.dumps(table.dump()))
        written.replace(folder / f"{name}.json")


def load(folder: Path) -> None:
    """Read every table that was written to a folder."""
    for name, table in _tables.items():
        if (folder / f"{name}.json").exists():
            table.load(json.loads((folder / f"{name}.json").read_text()))

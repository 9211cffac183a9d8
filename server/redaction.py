"""Keeps secrets out of what is written, and makes anything fit to be written: bounded, and nothing but plain JSON."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from itertools import islice

REDACTED = "[secret]"
SHORTEST_REDACTED = 4
"""Shorter values are left alone: replacing every "1" would make the logs unreadable and hide nothing."""

LONGEST_TEXT = 8192
"""Characters of one text that are written."""

MOST_ITEMS = 100
"""Items of one list or object that are written."""

_DEEPEST = 5
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)?$|secret|token|api_?key|access_?key|private_?key|credential|authorization|cookie"
    r"|^(auth|pwd|pin|key)$",
    re.IGNORECASE,
)


class SecretFilter:
    """Turns values into plain JSON values without the given secrets."""

    def __init__(self, secret_values: Iterable[str] = ()) -> None:
        """Take the values that must never be written; those shorter than `SHORTEST_REDACTED` are ignored."""
        forms = {form for value in secret_values for form in _written_forms(value)}
        usable = {form for form in forms if len(form) >= SHORTEST_REDACTED}
        self._secret_values = sorted(usable, key=len, reverse=True)

    def text(self, value: str) -> str:
        """Return `value` without secrets and lone surrogates, cut at `LONGEST_TEXT` characters."""
        for secret in self._secret_values:
            value = value.replace(secret, REDACTED)
        if len(value) > LONGEST_TEXT:
            value = f"{value[:LONGEST_TEXT]}[cut, {len(value)} characters]"
        # A lone surrogate is no character: strict readers of JSON refuse the whole line for it.
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def plain(self, value: object) -> object:
        """Return `value`, whatever it is, as what JSON can hold; long lists and texts are cut."""
        return self._plain(value, 0, by_name=False)

    def arguments(self, value: object) -> object:
        """Return a tool's arguments as `plain` does, with every value under a name like ``password`` replaced too."""
        return self._plain(value, 0, by_name=True)

    def _plain(self, value: object, depth: int, *, by_name: bool) -> object:
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int):
            return self.text(_digits(value)) if self._is_secret(value) or _is_huge(value) else value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Mapping) and depth < _DEEPEST:
            plain: dict[str, object] = {}
            for index, (key, item) in enumerate(value.items()):
                if index == MOST_ITEMS:
                    plain["[cut]"] = len(value)
                    break
                name = self.text(str(key))
                hidden = by_name and _SECRET_NAME.search(name) is not None
                plain[name] = REDACTED if hidden else self._plain(item, depth + 1, by_name=by_name)
            return plain
        if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
            items = [self._plain(item, depth + 1, by_name=by_name) for item in islice(value, MOST_ITEMS)]
            return items if len(value) <= MOST_ITEMS else [*items, f"[cut, {len(value)} items]"]
        if by_name and isinstance(value, Mapping | list | tuple | set | frozenset):
            # Its text would show values whose names say that they are secret.
            return "[cut, nested too deep]"
        return self.text(_as_text(value))

    def _is_secret(self, value: object) -> bool:
        return bool(self._secret_values) and not _is_huge(value) and str(value) in self._secret_values


def _is_huge(value: object) -> bool:
    # Python refuses to write integers of more than 4,300 digits, other readers of JSON those beyond a double.
    return isinstance(value, int) and value.bit_length() > 1023


def _digits(value: object) -> str:
    return hex(value) if isinstance(value, int) and _is_huge(value) else str(value)


def _as_text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:
        return f"[a {type(value).__name__} that cannot be written: {type(error).__name__}]"


def _written_forms(value: str) -> set[str]:
    """Return what `value` looks like in text: as it is, quoted as in Python and JSON, and line by line as printed."""
    return {value, repr(value)[1:-1], json.dumps(value)[1:-1], *(line.strip() for line in value.splitlines())}

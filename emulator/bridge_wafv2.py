"""The bridge's half for web ACLs: what ministack drops of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from ministack.services import waf

_NAMES: Mapping[Any, Sequence[str]] = {waf: ("web_acl_record",)}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")


def keep(identifier: str, scope: str, members: Mapping[str, Any]) -> None:
    """Set members of a web ACL of the current scope, given by its id; those that are None are taken away."""
    record = waf.web_acl_record(identifier, scope)
    for name, value in members.items():
        record.pop(name, None)
        if value is not None:
            record[name] = value

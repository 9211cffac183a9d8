"""The bridge's half for user pool clients: their record in ministack, which holds one secret."""

from collections.abc import Mapping, Sequence
from typing import Any

from ministack.services import cognito

_NAMES: Mapping[Any, Sequence[str]] = {cognito: ("_user_pools",)}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")

Record = dict[str, Any]


def client(pool_id: str, client_id: str) -> Record | None:
    """Return a client of a user pool of the current scope, None when there is no such pool or client."""
    pool = cognito._user_pools.get(pool_id)
    found: Record | None = (pool.get("_clients") or {}).get(client_id) if pool else None
    return found


def client_anywhere(pool_id: str, client_id: str) -> Record | None:
    """Return a client of a user pool, whatever its account and Region."""
    for (_, _, known), pool in cognito._user_pools.all_items():
        if known == pool_id:
            found: Record | None = (pool.get("_clients") or {}).get(client_id)
            return found
    return None

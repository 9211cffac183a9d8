"""Resource types that ministack has, with the refusals and attributes that it lacks."""

from typing import Any

from emulator import bridge
from emulator.handlers import Created, Properties


class Checked:
    """A type of ministack's own, refused first where AWS refuses it, and with the attributes that it lacks."""

    update_with_logical_id = True

    def __init__(self, type_name: str) -> None:
        self._inner = bridge.original_handler(type_name)

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError where AWS refuses the properties; ``own_id`` is empty for a new resource."""

    def attributes(self, physical_id: str, props: Properties) -> dict[str, Any]:
        """Return attributes beyond ministack's."""
        return {}

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Check, then make."""
        self.check(props, "")
        identity, found = self._inner["create"](logical_id, props, stack_name)
        return identity, {**found, **self.attributes(identity, props)}

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Created:
        """Check, then change."""
        self.check(new, physical_id)
        named = (logical_id,) if self._inner.get("update_with_logical_id") else ()
        identity, found = self._inner["update"](physical_id, old, new, stack_name, *named)
        return identity, {**found, **self.attributes(identity, new)}

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove."""
        self._inner["delete"](physical_id, props)

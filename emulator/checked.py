"""Resource types that ministack has, with the refusals, attributes and references that it lacks."""

from typing import Any

from emulator import bridge
from emulator.handlers import Created, Properties


class Checked:
    """A type of ministack's own, refused first where AWS refuses it, and with what it lacks of Ref and attributes."""

    update_with_logical_id = True

    def __init__(self, type_name: str) -> None:
        self._inner = bridge.original_handler(type_name)

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError where AWS refuses the properties; ``own_id`` is empty for a new resource."""

    def attributes(self, inner_id: str, props: Properties) -> dict[str, Any]:
        """Return attributes beyond ministack's."""
        return {}

    def reference(self, inner_id: str, attributes: Properties, props: Properties) -> str:
        """Return what Ref gives, for the id that ministack gives."""
        return inner_id

    def inner_id(self, physical_id: str) -> str:
        """Return ministack's id for what Ref gives; it may be gone."""
        return physical_id

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Check, then make."""
        self.check(props, "")
        return self._answer(self._inner["create"](logical_id, props, stack_name), props)

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Created:
        """Check, then change."""
        self.check(new, physical_id)
        named = (logical_id,) if self._inner.get("update_with_logical_id") else ()
        return self._answer(self._inner["update"](self.inner_id(physical_id), old, new, stack_name, *named), new)

    def _answer(self, made: Created, props: Properties) -> Created:
        attributes = {**made[1], **self.attributes(made[0], props)}
        return self.reference(made[0], attributes, props), attributes

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove."""
        self._inner["delete"](self.inner_id(physical_id), props)

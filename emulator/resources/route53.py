"""AWS::Route53::RecordSet: Ref is the name as the template gives it, without a dot at its end that is not there."""

from collections.abc import Mapping

from emulator.checked import Checked
from emulator.handlers import Created, Properties, ResourceHandler


class RecordSetHandler(Checked):
    """Ref is the record's name ("Return values" of the type)."""

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the record."""
        _, attributes = super().create(logical_id, props, stack_name)
        return str(props["Name"]), attributes

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Created:
        """Change the record; under another name it is another one."""
        _, attributes = super().update(physical_id, old, new, stack_name, logical_id)
        return str(new["Name"]), attributes


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::Route53::RecordSet": RecordSetHandler("AWS::Route53::RecordSet")}

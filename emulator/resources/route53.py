"""AWS::Route53::RecordSet: Ref is the name as the template gives it, without a dot at its end that is not there."""

from collections.abc import Mapping

from emulator.checked import Checked
from emulator.handlers import Properties, ResourceHandler


class RecordSetHandler(Checked):
    """Ref is the record's name ("Return values" of the type)."""

    def reference(self, inner_id: str, attributes: Properties, props: Properties) -> str:
        """Return the name that was given."""
        return str(props["Name"])


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::Route53::RecordSet": RecordSetHandler("AWS::Route53::RecordSet")}

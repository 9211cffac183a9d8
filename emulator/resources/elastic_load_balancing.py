"""AWS::ElasticLoadBalancingV2::TargetGroup: attributes in the form that AWS gives them."""

from collections.abc import Mapping
from typing import Any

from emulator.checked import Checked
from emulator.handlers import Properties, ResourceHandler


class TargetGroupHandler(Checked):
    """``TargetGroupFullName`` begins with ``targetgroup/`` ("Return values" of the type)."""

    def attributes(self, physical_id: str, props: Properties) -> dict[str, Any]:
        """Return the full name."""
        return {"TargetGroupFullName": physical_id.rpartition(":")[2]}


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::ElasticLoadBalancingV2::TargetGroup": TargetGroupHandler("AWS::ElasticLoadBalancingV2::TargetGroup")
}

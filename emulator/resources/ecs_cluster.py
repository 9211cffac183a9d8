"""AWS::ECS::Cluster: an update leaves the capacity providers alone that AWS::ECS::ClusterCapacityProviderAssociations
set, unless the cluster's own properties name some (reference of that type).
"""

from collections.abc import Mapping

from emulator import bridge_ecs
from emulator.checked import Checked
from emulator.handlers import Created, Properties, ResourceHandler

_MANAGED = ("capacityProviders", "defaultCapacityProviderStrategy")


class ClusterHandler(Checked):
    """Ref is the cluster's name."""

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Created:
        """Change the cluster in place or replace it."""
        before = dict(bridge_ecs.cluster(physical_id)) if bridge_ecs.cluster_name(physical_id) else {}
        made = super().update(physical_id, old, new, stack_name, logical_id)
        if made[0] == physical_id and not new.get("CapacityProviders"):
            bridge_ecs.cluster(physical_id).update({name: before[name] for name in _MANAGED if name in before})
        return made


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::ECS::Cluster": ClusterHandler("AWS::ECS::Cluster")}

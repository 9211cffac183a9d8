"""AWS::ElasticLoadBalancingV2::TargetGroup with AWS's attributes, and LoadBalancer with deletion protection."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator import bridge
from emulator.checked import Checked
from emulator.handlers import HandlerFailed, Properties, ResourceHandler


class TargetGroupHandler(Checked):
    """``TargetGroupFullName`` begins with ``targetgroup/`` ("Return values" of the type)."""

    def attributes(self, physical_id: str, props: Properties) -> dict[str, Any]:
        """Return the full name."""
        return {"TargetGroupFullName": physical_id.rpartition(":")[2]}


class LoadBalancerHandler(Checked):
    """A balancer under deletion protection stays (DeleteLoadBalancer, API reference)."""

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the balancer. Raises ValueError while it is protected."""
        client = bridge.client("elbv2")
        try:
            attributes = client.describe_load_balancer_attributes(LoadBalancerArn=physical_id)["Attributes"]
        except ClientError:
            attributes = []
        if {"Key": "deletion_protection.enabled", "Value": "true"} in attributes:
            text = f"Load balancer '{physical_id}' cannot be deleted because deletion protection is enabled"
            raise HandlerFailed(text, "InvalidRequest")
        super().delete(physical_id, props)


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": LoadBalancerHandler("AWS::ElasticLoadBalancingV2::LoadBalancer"),
    "AWS::ElasticLoadBalancingV2::TargetGroup": TargetGroupHandler("AWS::ElasticLoadBalancingV2::TargetGroup"),
}

"""AWS::ElasticLoadBalancingV2::TargetGroup with AWS's attributes, LoadBalancer with deletion protection, and Listener
with the attributes that it is created with.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator import bridge, bridge_elbv2
from emulator.checked import Checked
from emulator.handlers import Created, HandlerFailed, Properties, ResourceHandler


class TargetGroupHandler(Checked):
    """``TargetGroupFullName`` begins with ``targetgroup/`` ("Return values" of the type)."""

    def attributes(self, physical_id: str, props: Properties) -> dict[str, Any]:
        """Return the full name."""
        return {"TargetGroupFullName": physical_id.rpartition(":")[2]}


class LoadBalancerHandler(Checked):
    """A balancer under deletion protection stays (DeleteLoadBalancer, API reference); the DNS name of an internal one
    begins with ``internal-`` (AgentCore developer guide, "Route traffic through an intermediate domain").
    """

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the balancer, under a name that tells its scheme."""
        physical_id, attributes = super().create(logical_id, props, stack_name)
        return physical_id, {**attributes, "DNSName": bridge_elbv2.named_by_scheme(physical_id)}

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


class ListenerHandler(Checked):
    """ministack sets a listener's attributes when it is updated only.

    Refusals: CreateListener in the Elastic Load Balancing API reference (CertificateNotFound, DuplicateListener).
    """

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for HTTPS without a certificate, for one that does not exist and a port that is taken."""
        certificates = [str(item.get("CertificateArn", "")) for item in props.get("Certificates") or ()]
        if props.get("Protocol") in ("HTTPS", "TLS") and not certificates:
            raise HandlerFailed("A certificate must be specified for HTTPS listeners", "InvalidRequest")
        for arn in certificates:
            if not _certificate_exists(arn):
                raise HandlerFailed(f"Certificate ARN '{arn}' is not valid", "NotFound")
        if own_id:
            return
        listeners = bridge.client("elbv2").describe_listeners(LoadBalancerArn=str(props["LoadBalancerArn"]))
        if any(str(item.get("Port")) == str(props.get("Port")) for item in listeners["Listeners"]):
            text = "A listener already exists on this port for this load balancer"
            raise HandlerFailed(f"{text} '{props['LoadBalancerArn']}'", "AlreadyExists")

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the listener with its attributes."""
        made = super().create(logical_id, props, stack_name)
        given = [{"Key": one["Key"], "Value": str(one["Value"])} for one in props.get("ListenerAttributes") or ()]
        if given:
            bridge.client("elbv2").modify_listener_attributes(ListenerArn=made[0], Attributes=given)
        return made


def _certificate_exists(arn: str) -> bool:
    """Whether ACM has a certificate; those of IAM are taken as given."""
    if ":server-certificate/" in arn:
        return True
    try:
        bridge.client("acm").describe_certificate(CertificateArn=arn)
    except ClientError:
        return False
    return True


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::ElasticLoadBalancingV2::Listener": ListenerHandler("AWS::ElasticLoadBalancingV2::Listener"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": LoadBalancerHandler("AWS::ElasticLoadBalancingV2::LoadBalancer"),
    "AWS::ElasticLoadBalancingV2::TargetGroup": TargetGroupHandler("AWS::ElasticLoadBalancingV2::TargetGroup"),
}

"""AWS::Route53::RecordSet: Ref is the name as the template gives it, without a dot at its end that is not there.

Refusals: ChangeResourceRecordSets in the Route 53 API reference ("InvalidChangeBatch" and its messages).
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address

from botocore.exceptions import ClientError

from emulator import bridge
from emulator.checked import Checked
from emulator.handlers import HandlerFailed, Properties, ResourceHandler

_ADDRESSES = {"A": IPv4Address, "AAAA": IPv6Address}


def _batch(message: str, code: str = "InvalidRequest") -> HandlerFailed:
    return HandlerFailed(f"[{message}]", code)


class RecordSetHandler(Checked):
    """Ref is the record's name ("Return values" of the type)."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a zone that does not exist or does not hold the name, values that are none and an alias
        to a load balancer that is not there or whose zone is another.
        """
        name, kind = f"{str(props.get('Name', '')).rstrip('.')}.", str(props.get("Type", ""))
        zone = str(props.get("HostedZoneId") or "").rpartition("/")[2]
        if zone:
            try:
                origin = str(bridge.client("route53").get_hosted_zone(Id=zone)["HostedZone"]["Name"])
            except ClientError as error:
                raise HandlerFailed(f"No hosted zone found with ID: {zone}", "NotFound") from error
            if not f".{name}".endswith(f".{origin}"):
                raise _batch(f"RRSet with DNS name {name} is not permitted in zone {origin}")
        alias, values = props.get("AliasTarget"), props.get("ResourceRecords") or []
        if bool(alias) == bool(values):
            raise _batch("Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords]]")
        if alias and ".elb." in str(alias.get("DNSName", "")):
            self._check_balancer(str(alias["DNSName"]), str(alias.get("HostedZoneId", "")), kind)
        for value in values if kind in _ADDRESSES else ():
            try:
                _ADDRESSES[kind](str(value))
            except ValueError:
                raise _batch(f"Invalid Resource Record: Value is not a valid {kind} address: '{value}'") from None

    def _check_balancer(self, target: str, zone: str, kind: str) -> None:
        wanted = target.lower().rstrip(".").removeprefix("dualstack.")
        known = bridge.client("elbv2").describe_load_balancers()["LoadBalancers"]
        zones = [item["CanonicalHostedZoneId"] for item in known if str(item["DNSName"]).lower() == wanted]
        if zone not in zones:
            text = f"Tried to create an alias that targets {target}., type {kind} in zone {zone}, but"
            wrong = "that target was not found" if not zones else "the alias target name does not lie within the zone"
            raise _batch(f"{text} {wrong}")

    def reference(self, inner_id: str, attributes: Properties, props: Properties) -> str:
        """Return the name that was given."""
        return str(props["Name"])


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::Route53::RecordSet": RecordSetHandler("AWS::Route53::RecordSet")}

"""AWS::CertificateManager::Certificate: validated through Route 53 as CloudFormation does, and issued at once.

Refusals: RequestCertificate in the ACM API reference. CloudFormation puts the validation's CNAME record into the hosted
zone of DomainValidationOptions and leaves it there ("DomainValidationOption", template reference).
"""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator import bridge
from emulator.checked import Checked
from emulator.handlers import Created, HandlerFailed, Properties, ResourceHandler

_NAME = re.compile(r"(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])")


class CertificateHandler(Checked):
    """Ref is the certificate's ARN."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a name that is none or too long, and for a hosted zone that does not exist or does not
        hold the name.
        """
        name = str(props.get("DomainName", ""))
        if not _NAME.fullmatch(name):
            text = f"Value '{name}' at 'domainName' failed to satisfy constraint"
            raise HandlerFailed(f"1 validation error detected: {text}", "InvalidRequest")
        if len(name) > 64:
            raise HandlerFailed("The first domain name can have no more than 64 characters.", "InvalidRequest")
        for option in _zoned(props):
            zone = _zone(str(option["HostedZoneId"]))
            if not f".{option['DomainName']}.".endswith(f".{zone}"):
                raise HandlerFailed(f"{option['DomainName']} is not in the hosted zone {zone}", "InvalidRequest")

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Request the certificate and put the records that validate it."""
        made = super().create(logical_id, props, stack_name)
        zones = {str(option["DomainName"]): str(option["HostedZoneId"]) for option in _zoned(props)}
        described = bridge.client("acm").describe_certificate(CertificateArn=made[0])["Certificate"]
        for option in described["DomainValidationOptions"]:
            if option["DomainName"] in zones and "ResourceRecord" in option:
                _put_record(zones[option["DomainName"]], option["ResourceRecord"])
        return made


def _zoned(props: Properties) -> list[Mapping[str, Any]]:
    return [option for option in props.get("DomainValidationOptions") or () if option.get("HostedZoneId")]


def _zone(identity: str) -> str:
    try:
        return str(bridge.client("route53").get_hosted_zone(Id=identity)["HostedZone"]["Name"])
    except ClientError as error:
        raise HandlerFailed(f"No hosted zone found with ID: {identity}", "NotFound") from error


def _put_record(zone: str, record: Mapping[str, str]) -> None:
    values = [{"Value": record["Value"]}]
    change = {"Name": record["Name"], "Type": record["Type"], "TTL": 300, "ResourceRecords": values}
    bridge.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": change}]}
    )


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::CertificateManager::Certificate": CertificateHandler("AWS::CertificateManager::Certificate")
}

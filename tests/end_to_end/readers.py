"""Every reader by its resource type, and what no service's answer can hold."""

from collections.abc import Mapping

from tests.end_to_end import readers_gateway, readers_network, readers_service, readers_traffic
from tests.end_to_end.read_back import Reader

READERS: Mapping[str, Reader] = {
    **readers_gateway.READERS,
    **readers_network.READERS,
    **readers_service.READERS,
    **readers_traffic.READERS,
}

EXCEPTIONS: Mapping[tuple[str, str], str] = {
    (
        "AWS::BedrockAgentCore::Policy",
        "ValidationMode",
    ): "write-only in the resource's schema: it says how a statement is checked when it is made",
    (
        "AWS::CertificateManager::Certificate",
        "DomainValidationOptions.HostedZoneId",
    ): "not in ACM's API: CloudFormation itself puts the validation record into the zone",
}
"""Type and path to the reason why the property is not found in the service's answer."""

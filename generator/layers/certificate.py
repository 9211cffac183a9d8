"""The certificate of the runtime's host name, validated through Route 53."""

from dataclasses import dataclass

from troposphere import certificatemanager as acm

from generator import conditions as c
from generator import parameters as p
from generator.composition import Layer, Scope, Value, wire


@dataclass(frozen=True)
class Inputs:
    """What the certificate is for."""

    host_name: Value = wire("Host name of the runtime.")


@dataclass(frozen=True)
class Outputs:
    """The issued certificate."""

    certificate_arn: Value = wire("ARN of the certificate; empty where an existing one is used.")


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds the certificate. CloudFormation writes the validation record into the zone and waits for the issue."""
    certificate = scope.add(
        acm.Certificate(
            "Certificate",
            DomainName=inputs.host_name,
            ValidationMethod="DNS",
            DomainValidationOptions=[
                acm.DomainValidationOption(DomainName=inputs.host_name, HostedZoneId=scope.parameter(p.HOSTED_ZONE_ID))
            ],
        ),
        "Proves the runtime's host name to its clients.",
        c.CREATES_CERTIFICATE,
    )
    return Outputs(certificate_arn=scope.choose(c.CREATES_CERTIFICATE, certificate.ref(), ""))


LAYER = Layer("Certificate", "Certificate of the MCP runtime's host name.", 60, Outputs, build)

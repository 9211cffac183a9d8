"""An existing certificate: it is there, issued, and covers the runtime's host name."""

from collections.abc import Iterable, Iterator

from botocore.exceptions import ClientError

from deployer.aws import Aws
from deployer.preflight.sites import Site
from deployer.target_checks import key_of
from generator import parameters as p

ISSUED = "ISSUED"


def findings(aws: Aws, site: Site) -> Iterator[str]:
    """Yields what is wrong with the certificate that a site names; asks nothing where it names none."""
    arn = site.value(p.CERTIFICATE_ARN)
    if not arn:
        return
    try:
        found = aws.client("acm", site.account, site.region).describe_certificate(CertificateArn=arn)["Certificate"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        yield (
            f"The certificate of {site.where} does not exist there: correct {site.says(p.CERTIFICATE_ARN)}, or leave it"
            " empty and one is made."
        )
        return
    if found["Status"] != ISSUED:
        yield (
            f"The certificate of {site.where} is {found['Status']}, not {ISSUED}: validate it or give"
            f" {key_of(p.CERTIFICATE_ARN)} another than {arn}."
        )
    names = sorted({found["DomainName"], *found.get("SubjectAlternativeNames", ())})
    if not covers(names, site.host):
        yield (
            f"The certificate of {site.where} is for {', '.join(names)}, not for the host name {site.host}: correct"
            f" {site.says(p.CERTIFICATE_ARN)} or the name."
        )


def covers(names: Iterable[str], host: str) -> bool:
    """Returns whether one of a certificate's names is the host's.

    An asterisk stands for exactly one whole label, the first (RFC 9525, section 6.3).
    """
    parent = host.partition(".")[2]
    return any(name.lower() in (host, f"*.{parent}") for name in names)

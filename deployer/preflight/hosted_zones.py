"""Hosted zones: those that are named exist, are public and own the names that go into them; others are looked up."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from deployer import zones
from deployer.aws import Aws
from deployer.context import Context
from deployer.errors import UsageError
from deployer.preflight.sites import Answers, Site
from deployer.target_checks import key_of, within
from generator import parameters as p


def ask(aws: Aws, sites: Sequence[Site], answers: Answers) -> None:
    """Looks at the zones of sites whose account can be read, each zone once."""
    users: defaultdict[tuple[str, str], list[Site]] = defaultdict(list)
    for site in sites:
        if site.value(p.HOSTED_ZONE_ID):
            users[site.account, site.value(p.HOSTED_ZONE_ID)].append(site)
    for (account, zone), of in users.items():
        client = aws.client("route53", account, of[0].region)

        def told(client: Any = client, zone: str = zone, of: list[Site] = of) -> Iterator[str]:
            return findings(client, zone, of)

        answers.ask(f"hosted zone {zone}", f"account {account}", told, "public, and the host names lie in it")


def findings(client: Any, zone: str, sites: Sequence[Site]) -> Iterator[str]:
    """Yields what is wrong with a zone for the sites that name it."""
    first = sites[0]
    try:
        found = client.get_hosted_zone(Id=zone)["HostedZone"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchHostedZone":
            raise
        yield (
            f"The hosted zone of {first.where} does not exist in account {first.account}: correct"
            f" {first.says(p.HOSTED_ZONE_ID)}, or leave it empty and it is looked up."
        )
        return
    domain = found["Name"].rstrip(".")
    if found.get("Config", {}).get("PrivateZone"):
        yield (
            f"The hosted zone of {first.where} is private, so that neither a certificate nor the gateway can use it:"
            f" give {key_of(p.HOSTED_ZONE_ID)} the public zone of {domain} instead of {zone}."
        )
    for site in sites:
        if not within(site.host, domain):
            yield (
                f"The host name {site.host} of {site.where} does not lie in its hosted zone {zone}, which is of"
                f" {domain}; correct {key_of(p.HOSTED_ZONE_ID)} or the name."
            )


def looked_up(context: Context) -> dict[tuple[str, str], dict[str, str]]:
    """Returns, by account and Region, the hosted zone's parameter of targets whose settings leave the zone out.

    Local mode makes a zone that is missing. Raises UsageError where there is no such zone, or more than one, or where
    the account cannot be read.
    """
    found: dict[tuple[str, str], str] = {}
    parameters: dict[tuple[str, str], dict[str, str]] = {}
    for target in context.settings.targets:
        site = Site(target.account, target.region, context.settings.effective(target))
        domain = site.value(p.PARENT_DOMAIN)
        if not domain or site.value(p.HOSTED_ZONE_ID) or site.value(p.CERTIFICATE_ARN):
            continue
        if (target.account, domain) not in found:
            found[target.account, domain] = found_for(context, site)
        parameters[target.account, target.region] = {p.HOSTED_ZONE_ID.name: found[target.account, domain]}
    return parameters


def found_for(context: Context, site: Site) -> str:
    """Returns the id of the zone of a site's parent domain, which local mode makes; raises as `looked_up` does."""
    domain = site.value(p.PARENT_DOMAIN)
    if not context.aws.reaches(site.account):
        raise UsageError(
            f"The hosted zone of {domain} in account {site.account} cannot be looked up with these credentials;"
            f" give its id as an override of {key_of(p.HOSTED_ZONE_ID)} for the target {site.account}"
            f" {site.region}."
        )
    find = zones.ensure_zone if context.local else zones.zone_of
    return find(context.aws.client("route53", site.account, site.region), domain, site.account)

"""Hosted zones: finding the one of a domain in a target's account, so that nobody has to copy its id."""

from typing import Any

from deployer.errors import UsageError


def zone_of(client: Any, domain: str, account: str) -> str:
    """Returns the id of the account's public hosted zone named `domain`.

    Raises UsageError where there is none, or more than one: then only a person knows which is delegated.
    """
    found = _public_zones(client, domain)
    if not found:
        raise UsageError(
            f"Account {account} has no public hosted zone named {domain}; make one and delegate the domain to it, or"
            " give the certificate of a zone that is kept elsewhere."
        )
    if len(found) > 1:
        raise UsageError(
            f"Account {account} has {len(found)} public hosted zones named {domain} ({', '.join(found)}); give"
            " address.hosted_zone_id the one that the domain is delegated to."
        )
    return found[0]


def ensure_zone(client: Any, domain: str, account: str) -> str:
    """Returns the id of the account's zone, made if it is missing: in local mode nobody has delegated a domain."""
    found = _public_zones(client, domain)
    if found:
        return found[0]
    zone: str = client.create_hosted_zone(Name=domain, CallerReference=f"{account}-{domain}")["HostedZone"]["Id"]
    return zone.rpartition("/")[2]


def _public_zones(client: Any, domain: str) -> list[str]:
    pages = client.get_paginator("list_hosted_zones").paginate()
    return [
        zone["Id"].rpartition("/")[2]
        for page in pages
        for zone in page["HostedZones"]
        if zone["Name"].rstrip(".") == domain and not zone.get("Config", {}).get("PrivateZone", False)
    ]

"""Managed policies that roles are to bear: the tools' and the boundary are there, in the target's own account."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from deployer.aws import Aws, partition_of
from deployer.preflight.sites import Site
from deployer.target_checks import key_of
from generator import parameters as p


def findings(aws: Aws, site: Site) -> Iterator[str]:
    """Yields what is wrong with the policies that a site names; asks nothing where it names none."""
    named = [(arn, key_of(p.TASK_POLICIES)) for arn in site.items(p.TASK_POLICIES)]
    if boundary := site.value(p.PERMISSIONS_BOUNDARY):
        arn = f"arn:{partition_of(site.region)}:iam::{site.account}:policy/{boundary}"
        named.append((arn, key_of(p.PERMISSIONS_BOUNDARY)))
    for arn, key in named:
        if not _exists(aws.client("iam", site.account, site.region), arn):
            yield f"The policy {arn} of {site.where} does not exist: make it there, or correct {key}."


def _exists(client: Any, arn: str) -> bool:
    try:
        client.get_policy(PolicyArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return False
    return True

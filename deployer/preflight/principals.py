"""Who acts in an account: the ARN that its policies hang on, which a session does not say whole."""

import re
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from deployer.aws import Aws
from deployer.preflight.sites import DENIED

SESSION: Final = r"arn:([a-z-]+):sts::([0-9]{12}):assumed-role/([^/]+)/.+"
"""A session names its role without the path (IAM user guide, "IAM identifiers")."""


@dataclass(frozen=True)
class Principal:
    """Who acts: `caller` as STS names it, and `arn` as IAM does; empty where IAM knows no such principal.

    `root` says that it is the account's own root user, whom no policy of the account bounds.
    """

    caller: str
    arn: str
    root: bool = False


def of(aws: Aws, account: str, region: str) -> Principal:
    """Returns who the credentials are in an account that can be read."""
    caller = str(aws.client("sts", account, region).get_caller_identity()["Arn"])
    if caller.endswith(":root"):
        return Principal(caller, caller, root=True)
    session = re.fullmatch(SESSION, caller)
    if session is None:
        return Principal(caller, caller if ":user/" in caller else "")
    partition, owner, name = session.groups()
    try:
        arn = str(aws.client("iam", account, region).get_role(RoleName=name)["Role"]["Arn"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        arn = f"arn:{partition}:iam::{owner}:role/{name}"
    return Principal(caller, arn)

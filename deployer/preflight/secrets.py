"""Existing secrets: each is there, under the ARN that is given, and encrypted so that the runtime can read it."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from deployer.aws import Aws
from deployer.preflight.sites import DENIED, Site
from deployer.target_checks import key_of
from generator import parameters as p
from generator.parameters import RootParameter

MISSING = ("ResourceNotFoundException", "InvalidRequestException")


def findings(aws: Aws, site: Site) -> Iterator[str]:
    """Yields what is wrong with the secrets that a site names; their values are not read."""
    for parameter in (p.CONTAINER_SECRET_ARN, p.CLIENT_SECRET_ARN):
        if site.value(parameter):
            yield from _findings(aws, site, parameter)


def _findings(aws: Aws, site: Site, parameter: RootParameter) -> Iterator[str]:
    arn = site.value(parameter)
    try:
        found = aws.client("secretsmanager", site.account, site.region).describe_secret(SecretId=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING:
            raise
        found = {}
    if found.get("ARN") != arn:
        yield f"The secret of {site.where} does not exist there: correct {site.says(parameter)}."
    elif "DeletedDate" in found:
        yield (
            f"The secret of {site.where} is scheduled for deletion: restore it, or give {key_of(parameter)} another"
            f" than {arn}."
        )
    elif _has_other_key(aws, site, found.get("KmsKeyId", "")):
        yield (
            f"The secret of {site.where} is encrypted with the key {found['KmsKeyId']}, which the runtime may not use:"
            f" encrypt {arn} ({key_of(parameter)}) with the key that AWS manages, aws/secretsmanager, or with the one"
            f" of {key_of(p.KMS_KEY)}."
        )


def _has_other_key(aws: Aws, site: Site, key: str) -> bool:
    """Returns whether the key is a customer's and not the runtime's; the console names AWS's own key in a secret too.

    Secrets Manager service model, `DescribeSecretResponse.KmsKeyId`. Where the key may not be described it is taken for
    AWS's, so that nothing is refused that might work.
    """
    if not key or key.endswith("alias/aws/secretsmanager"):
        return False
    client: Any = aws.client("kms", site.account, site.region)
    try:
        found = client.describe_key(KeyId=key)["KeyMetadata"]
        return bool(found["KeyManager"] == "CUSTOMER" and found.get("Arn") != site.value(p.KMS_KEY))
    except ClientError as error:
        if error.response["Error"]["Code"] in DENIED:
            return False
        if error.response["Error"]["Code"] == "NotFoundException":
            return True
        raise

"""Replicated repositories: what replication does not do for what was there before.

ECR replicates only what is pushed after replication was configured, and a repository creation template acts only when
the replica is made (ECR user guide, "Private image replication" and "Repository creation templates"). So an image that
is older than a target Region is copied through the registry's API, and the pull policy of a replica that exists is set.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.registry import Repository
from generator.layers.registry import lifecycle_text, plain_pull_policy

UNDER_WAY: Final = ("IN_PROGRESS", "COMPLETE")


def is_replicating(home: Repository, digest: str, region: str) -> bool:
    """Returns whether ECR replicates, or has replicated, the image to a Region, as it says itself."""
    statuses = home.client.describe_image_replication_status(
        repositoryName=home.name, imageId={"imageDigest": digest}
    ).get("replicationStatuses", [])
    return any(status["region"] == region and status["status"] in UNDER_WAY for status in statuses)


def copy(source: Repository, replica: Repository, digest: str) -> None:
    """Copies an image with all its parts and tags; whatever is there already is not copied again."""
    manifest, media_type = source.manifest(digest)
    document = json.loads(manifest)
    for child in document.get("manifests", []):
        copy(source, replica, child["digest"])
    parts = [document["config"], *document["layers"]] if "config" in document else []
    for part in parts:
        if not replica.has_blob(part["digest"]):
            replica.put_blob(source.blob(part["digest"]))
    for tag in source.tags(digest) or [""]:
        replica.put_manifest(manifest, media_type, tag)


def ensure_repository(replica: Repository, accounts: Sequence[str], organization: str, key: str = "") -> bool:
    """Makes the replica's repository as replication would, where there is none; returns whether it was made.

    `key` is the ARN of the KMS key that encrypts it, empty for keys of AWS.
    """
    try:
        replica.client.create_repository(
            repositoryName=replica.name,
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
            encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key} if key else {"encryptionType": "AES256"},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryAlreadyExistsException":
            raise
        return False
    replica.client.put_lifecycle_policy(repositoryName=replica.name, lifecyclePolicyText=lifecycle_text())
    ensure_policy(replica, accounts, organization)
    return True


def ensure_policy(replica: Repository, accounts: Sequence[str], organization: str) -> bool:
    """Lets exactly the accounts and the organization pull from a replica; returns whether anything was changed.

    `accounts` are ids, without the publisher's own; a replica that does not exist yet is left to the template.
    """
    if not replica.exists():
        return False
    wanted = plain_pull_policy(accounts, organization)
    if _normal(replica.policy()) == (_normal(wanted) if wanted else None):
        return False
    if wanted is None:
        replica.client.delete_repository_policy(repositoryName=replica.name)
    else:
        replica.client.set_repository_policy(repositoryName=replica.name, policyText=json.dumps(wanted))
    return True


def _normal(document: Any) -> Any:
    """Returns a policy so that equal ones compare equal: IAM writes an account as its root, and lists as one value."""
    if isinstance(document, Mapping):
        return {key: _normal(value) for key, value in document.items()}
    if isinstance(document, list):
        items = [_normal(item) for item in document]
        return items[0] if len(items) == 1 else sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(document, str) and document.startswith("arn:") and document.endswith(":root"):
        return document.split(":")[4]
    return document

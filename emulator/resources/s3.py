"""AWS::S3::Bucket with what ministack's own drops of its properties: encryption, ownership, lifecycle and tags."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator import bridge
from emulator.checked import Checked
from emulator.handlers import Created, HandlerFailed, Properties, ResourceHandler

_LIFECYCLE = frozenset(
    {
        "AbortIncompleteMultipartUpload",
        "ExpirationInDays",
        "ExpiredObjectDeleteMarker",
        "Id",
        "NoncurrentVersionExpiration",
        "Prefix",
        "Status",
    }
)


class BucketHandler(Checked):
    """Ref is the bucket's name."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a lifecycle rule that would not be kept."""
        for rule in _rules(props):
            unknown = sorted(rule.keys() - _LIFECYCLE)
            if unknown:
                raise ValueError(f"The emulator keeps no {', '.join(unknown)} of a bucket's lifecycle rules")
            if {"ExpirationInDays", "ExpiredObjectDeleteMarker"} <= rule.keys():
                # S3's service model, LifecycleExpiration: it "cannot be specified with Days or Date".
                raise ValueError(
                    "ExpiredObjectDeleteMarker cannot be specified with Days in a Lifecycle Expiration Policy"
                )

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the bucket. Raises ValueError when S3 refuses its properties; nothing stays then."""
        made = super().create(logical_id, props, stack_name)
        try:
            _configure(made[0], {}, props)
        except ValueError:
            self.delete(made[0], props)
            raise
        return made

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Created:
        """Change the bucket, or make another one. Raises ValueError when S3 refuses its properties."""
        made = super().update(physical_id, old, new, stack_name, logical_id)
        _configure(made[0], old if made[0] == physical_id else {}, new)
        return made

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the bucket. Raises ValueError while it holds objects or versions of some (DeleteBucket)."""
        s3 = bridge.client("s3")
        try:
            held = s3.list_objects_v2(Bucket=physical_id, MaxKeys=1).get("Contents")
            versions = s3.list_object_versions(Bucket=physical_id, MaxKeys=1)
        except ClientError:
            held, versions = [], {}
        if held or versions.get("Versions") or versions.get("DeleteMarkers"):
            raise HandlerFailed("The bucket you tried to delete is not empty")
        super().delete(physical_id, props)


def _rules(props: Properties) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (props.get("LifecycleConfiguration") or {}).get("Rules") or []
    return found


def _configure(name: str, old: Properties, new: Properties) -> None:
    s3 = bridge.client("s3")
    try:
        encryption = (new.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration")
        if encryption:
            s3.put_bucket_encryption(
                Bucket=name, ServerSideEncryptionConfiguration={"Rules": [_encryption(rule) for rule in encryption]}
            )
        elif old.get("BucketEncryption"):
            s3.delete_bucket_encryption(Bucket=name)
        if new.get("OwnershipControls"):
            s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=new["OwnershipControls"])
        elif old.get("OwnershipControls"):
            s3.delete_bucket_ownership_controls(Bucket=name)
        if _rules(new):
            rules = [_lifecycle(rule) for rule in _rules(new)]
            s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
        elif _rules(old):
            s3.delete_bucket_lifecycle(Bucket=name)
        if new.get("Tags"):
            # Those of CloudFormation's own among them, which a user could not set (user guide, "Resource tag").
            tags = [{"Key": str(tag["Key"]), "Value": str(tag["Value"])} for tag in new["Tags"]]
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    except ClientError as error:
        raise HandlerFailed(error.response["Error"]["Message"], "InvalidRequest") from error


def _encryption(rule: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": dict(rule["ServerSideEncryptionByDefault"])}
    if "BucketKeyEnabled" in rule:
        found["BucketKeyEnabled"] = str(rule["BucketKeyEnabled"]).lower() == "true"
    return found


def _lifecycle(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A template's rule as PutBucketLifecycleConfiguration takes it."""
    found: dict[str, Any] = {"Status": rule["Status"], "Filter": {"Prefix": str(rule.get("Prefix") or "")}}
    if "Id" in rule:
        found["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        found["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "ExpiredObjectDeleteMarker" in rule:
        found["Expiration"] = {"ExpiredObjectDeleteMarker": str(rule["ExpiredObjectDeleteMarker"]).lower() == "true"}
    for name in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
        if name in rule:
            found[name] = {key: int(value) for key, value in rule[name].items()}
    return found


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::S3::Bucket": BucketHandler("AWS::S3::Bucket")}

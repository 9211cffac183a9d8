"""AWS::S3::BucketPolicy, with what Amazon S3 refuses of it (PutBucketPolicy, Amazon S3 API reference)."""

import json
from collections.abc import Mapping

from botocore.exceptions import ClientError

from emulator import bridge, policy_documents
from emulator.checked import Checked
from emulator.handlers import HandlerFailed, Properties, ResourceHandler

_SIZE = 20_480


class BucketPolicyHandler(Checked):
    """One a bucket."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a bucket that does not exist or has a policy already, and for a document that is none,
        is too long or names what is not in the bucket.
        """
        bucket, document = str(props.get("Bucket", "")), props.get("PolicyDocument")
        client = bridge.client("s3")
        try:
            client.head_bucket(Bucket=bucket)
        except ClientError as error:
            raise HandlerFailed("The specified bucket does not exist", "NotFound") from error
        try:
            policy_documents.check_resource(document, f"arn:aws:s3:::{bucket}")
        except ValueError as refused:
            raise HandlerFailed(f"{refused} (Error Code: MalformedPolicy)", "InvalidRequest") from refused
        if any(action != "*" and not action.startswith("s3:") for action in policy_documents.actions(document)):
            raise HandlerFailed("Policy has invalid action (Error Code: MalformedPolicy)", "InvalidRequest")
        if policy_documents.size(document) > _SIZE:
            raise HandlerFailed("The policy exceeds the maximum allowed document size.", "InvalidRequest")
        if not own_id and self._has_one(bucket):
            raise HandlerFailed(f"The bucket policy already exists on bucket {bucket}.", "AlreadyExists")

    def _has_one(self, bucket: str) -> bool:
        try:
            return bool(json.loads(bridge.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]))
        except ClientError:
            return False


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::S3::BucketPolicy": BucketPolicyHandler("AWS::S3::BucketPolicy")}

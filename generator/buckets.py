"""The buckets of this project: encrypted, closed to the public, kept with their data, reached over TLS alone."""

from typing import Any

from awacs import s3 as s3_actions
from awacs.aws import Bool, Condition, Deny, Principal, SecureTransport, Statement
from troposphere import Sub, s3

UPLOAD_DAYS = 1
"""Days after which the parts of an upload that was never finished go."""


def kept_bucket(title: str, expiry: s3.LifecycleRule, *others: s3.LifecycleRule, **properties: Any) -> s3.Bucket:
    """Returns an unnamed bucket that outlives its stack, with the rules for what expires in it."""
    expiry.AbortIncompleteMultipartUpload = s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=UPLOAD_DAYS)
    return s3.Bucket(
        title,
        BucketEncryption=s3.BucketEncryption(
            ServerSideEncryptionConfiguration=[
                s3.ServerSideEncryptionRule(
                    ServerSideEncryptionByDefault=s3.ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
                )
            ]
        ),
        PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        OwnershipControls=s3.OwnershipControls(Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
        LifecycleConfiguration=s3.LifecycleConfiguration(Rules=[expiry, *others]),
        DeletionPolicy="Retain",
        UpdateReplacePolicy="Retain",
        **properties,
    )


def objects_of(bucket: s3.Bucket, prefix: str = "") -> Sub:
    """Returns the ARN of all objects in a bucket below `prefix`, which ends in a slash where it is not empty."""
    return Sub(f"${{Bucket}}/{prefix}*", Bucket=bucket.get_att("Arn"))


def only_tls(bucket: s3.Bucket) -> Statement:
    """Returns the statement that denies everybody every action on the bucket without TLS."""
    return Statement(
        Sid="OnlyTls",
        Effect=Deny,
        Principal=Principal("*"),
        Action=[s3_actions.Action("*")],
        Resource=[bucket.get_att("Arn"), objects_of(bucket)],
        Condition=Condition([Bool(SecureTransport, "false")]),
    )

"""The policy that a customer's KMS key needs for a runtime, as plain data, from the templates' own resource types.

Facts: CloudWatch Logs user guide, "Encrypt log data in CloudWatch Logs using AWS KMS" (statement for the service, bound
to this account's log groups); Amazon SNS developer guide, "Enable compatibility between event sources from AWS services
and encrypted topics" (CloudWatch alarms); AWS KMS developer guide, "Default key policy" (the account's own IAM policies
decide for its roles).
"""

from collections.abc import Mapping
from typing import Any, Final

from generator.policies import VERSION

OWNER_SID: Final = "OwnAccount"
LOGS_SID: Final = "CloudWatchLogs"
ALARMS_SID: Final = "CloudWatchAlarms"
LOGS_ACTIONS: Final = ("kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*")
ALARMS_ACTIONS: Final = ("kms:Decrypt", "kms:GenerateDataKey*")
KEY_PROPERTIES: Final[Mapping[str, str]] = {
    "AWS::BedrockAgentCore::Gateway": "KmsKeyArn",
    "AWS::ECR::Repository": "EncryptionConfiguration",
    "AWS::ECR::RepositoryCreationTemplate": "EncryptionConfiguration",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SecretsManager::Secret": "KmsKeyId",
}
"""The property of each type that takes a customer's key."""


def key_policy(templates: Mapping[str, Mapping[str, Any]], account: str, region: str, partition: str) -> dict[str, Any]:
    """Returns the key policy for what `templates` encrypt with a given key in one account and Region.

    The account's own statement lets IAM policies decide: those of the templates' roles name the key. Services that use
    the key as themselves are admitted by a statement each, for this account alone.
    """
    types = encrypted_types(templates)
    statements: list[dict[str, Any]] = [
        {
            "Sid": OWNER_SID,
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ]
    if "AWS::Logs::LogGroup" in types:
        statements.append(
            {
                "Sid": LOGS_SID,
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{region}.amazonaws.com"},
                "Action": list(LOGS_ACTIONS),
                "Resource": "*",
                "Condition": {
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": f"arn:{partition}:logs:{region}:{account}:log-group:*"
                    }
                },
            }
        )
    if "AWS::SNS::Topic" in types:
        statements.append(
            {
                "Sid": ALARMS_SID,
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Action": list(ALARMS_ACTIONS),
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:SourceAccount": account}},
            }
        )
    return {"Version": VERSION, "Statement": statements}


def encrypted_types(templates: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Returns the types of the resources that take the given key."""
    return frozenset(
        str(resource["Type"])
        for template in templates.values()
        for resource in template["Resources"].values()
        if KEY_PROPERTIES.get(resource["Type"], "") in resource.get("Properties", {})
    )

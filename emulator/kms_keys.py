"""What services say when they may not use a customer's KMS key; keys and their policies are ministack's.

Who may use a key: its own policy for a service that acts as itself; for a role the key's policy that leaves it to IAM,
and the role's policies (AWS KMS developer guide, "Determining access to AWS KMS keys"). The account's statement is
taken to be in every policy.
"""

import json
from collections.abc import Mapping

from botocore.exceptions import ClientError

from emulator import bridge, bridge_data_plane


def is_usable(key: str) -> bool:
    """Whether a key of the current account and Region is there and enabled."""
    try:
        found = bridge.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    except ClientError:
        return False
    return bool(found["KeyState"] == "Enabled" and found["Arn"] == key)


def admits(key: str, service: str, action: str, context: Mapping[str, str]) -> bool:
    """Whether a key's policy lets an AWS service use it under condition keys (in lower case)."""
    document = bridge.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    return bridge_data_plane.policy_admits(json.loads(document), service, action, key, context)


def decrypts(role_arn: str, secret_arn: str) -> bool:
    """Whether a role may decrypt a secret: always where AWS's own key encrypts it.

    Encryption context and `kms:ViaService`: "Secret encryption and decryption" in the Secrets Manager user guide.
    """
    key = str(bridge.client("secretsmanager").describe_secret(SecretId=secret_arn).get("KmsKeyId") or "")
    if not key or "alias/aws/" in key:
        return True
    _, region = bridge.current_scope()
    context = {
        "kms:viaservice": f"secretsmanager.{region}.amazonaws.com",
        "kms:encryptioncontext:secretarn": secret_arn,
    }
    return bridge_data_plane.role_allows(role_arn, "kms:Decrypt", key, context)

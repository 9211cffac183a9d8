"""What a customer may lay over everything: a permissions boundary on each role, one KMS key on what AWS keeps.

Facts: IAM user guide, "Permissions boundaries for IAM entities"; AWS KMS developer guide, "kms:ViaService"; Secrets
Manager user guide, "Secret encryption and decryption" (encryption context); AgentCore developer guide, "Encrypt your
AgentCore gateway with a customer-managed KMS key".
"""

from collections.abc import Sequence
from typing import Final

from awacs import kms as kms_actions
from awacs.aws import Action, Allow, Condition, ForAllValuesStringEquals, Statement, StringEquals
from troposphere import AWSHelperFn, NoValue, Sub, iam

from generator import conditions as c
from generator import parameters as p
from generator.composition import Scope, Value
from generator.policies import policy

GRANTING: Final = ("AttachRolePolicy", "CreateRole", "PutRolePermissionsBoundary", "PutRolePolicy")
"""What gives a role permissions: with a boundary named, only to roles that bear it. Taking permissions or the boundary
away stays allowed, so that an update which adds the boundary can be rolled back (Service Authorization Reference,
condition key `iam:PermissionsBoundary`); the boundary itself may deny that."""


def boundary(scope: Scope) -> AWSHelperFn:
    """Returns a role's `PermissionsBoundary`: the ARN of the policy that is named, nothing where none is."""
    return scope.choose(c.HAS_BOUNDARY, boundary_arn(scope), NoValue)


def boundary_arn(scope: Scope) -> Sub:
    """Returns the ARN of the boundary, a managed policy of the stack's own account."""
    return Sub(
        "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${Name}", Name=scope.parameter(p.PERMISSIONS_BOUNDARY)
    )


def requires_boundary(scope: Scope) -> Condition:
    """Returns the condition that a role bears the boundary that is named."""
    return Condition([StringEquals("iam:PermissionsBoundary", boundary_arn(scope))])


def granting(roles: Sequence[Value], bounded: Condition | None) -> Statement:
    """Returns the statement that lets an identity give roles permissions, `bounded` or to any of them."""
    return Statement(
        Sid="Grants",
        Effect=Allow,
        Action=[Action("iam", name) for name in GRANTING],
        Resource=list(roles),
        **({"Condition": bounded} if bounded else {}),
    )


def key(scope: Scope) -> AWSHelperFn:
    """Returns what a property takes that names a KMS key: the given key's ARN, nothing where none is given."""
    return scope.choose(c.HAS_KEY, scope.parameter(p.KMS_KEY), NoValue)


def decrypts_secret(scope: Scope, secret_arn: Value, policy_name: str = "decrypt-secret") -> AWSHelperFn:
    """Returns the inline policy that lets a role decrypt one secret, where the given key may have encrypted it."""
    return scope.choose(
        c.HAS_KEY,
        iam.Policy(
            PolicyName=policy_name,
            PolicyDocument=policy(
                Statement(
                    Sid="DecryptSecret",
                    Effect=Allow,
                    Action=[kms_actions.Decrypt],
                    Resource=[scope.parameter(p.KMS_KEY)],
                    Condition=Condition(
                        [
                            StringEquals(
                                {
                                    "kms:ViaService": Sub("secretsmanager.${AWS::Region}.${AWS::URLSuffix}"),
                                    "kms:EncryptionContext:SecretARN": secret_arn,
                                }
                            )
                        ]
                    ),
                )
            ),
        ),
        NoValue,
    )


def encrypts_gateway(scope: Scope) -> AWSHelperFn:
    """Returns the inline policy with which a gateway's role keeps its gateway and targets under the given key.

    The documentation's example binds all of it to `kms:ViaService` and to the gateway's encryption context. Requests
    for the targets' own data carry neither, since the service makes them with the role itself, so that such conditions
    deny `kms:GenerateDataKey` (reported from deployments in public construct libraries); the grant alone is bound.
    """
    return scope.choose(
        c.HAS_KEY,
        iam.Policy(
            PolicyName="use-key",
            PolicyDocument=policy(
                Statement(
                    Sid="UseKey",
                    Effect=Allow,
                    Action=[kms_actions.Decrypt, kms_actions.DescribeKey, kms_actions.GenerateDataKey],
                    Resource=[scope.parameter(p.KMS_KEY)],
                ),
                Statement(
                    Sid="GrantKey",
                    Effect=Allow,
                    Action=[kms_actions.CreateGrant],
                    Resource=[scope.parameter(p.KMS_KEY)],
                    Condition=Condition(
                        [
                            StringEquals("kms:GrantConstraintType", "EncryptionContextSubset"),
                            ForAllValuesStringEquals("kms:GrantOperations", ["Decrypt", "GenerateDataKey"]),
                        ]
                    ),
                ),
            ),
        ),
        NoValue,
    )

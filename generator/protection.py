"""What a customer may lay over everything: a permissions boundary on each role, one KMS key on what AWS keeps.

Facts: IAM user guide, "Permissions boundaries for IAM entities"; AWS KMS developer guide, "kms:ViaService"; Secrets
Manager user guide, "Secret encryption and decryption" (encryption context); AgentCore developer guide, "Encrypt your
AgentCore gateway with a customer-managed KMS key".
"""

from awacs import kms as kms_actions
from awacs.aws import Allow, Condition, ForAllValuesStringEquals, Statement, StringEquals
from troposphere import AWSHelperFn, NoValue, Sub, iam

from generator import conditions as c
from generator import parameters as p
from generator.composition import Scope, Value
from generator.policies import policy


def boundary(scope: Scope) -> AWSHelperFn:
    """Returns a role's `PermissionsBoundary`: the ARN of the policy that is named, nothing where none is."""
    return scope.choose(c.HAS_BOUNDARY, boundary_arn(scope), NoValue)


def boundary_arn(scope: Scope) -> Sub:
    """Returns the ARN of the boundary, a managed policy of the stack's own account."""
    return Sub(
        "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${Name}", Name=scope.parameter(p.PERMISSIONS_BOUNDARY)
    )


def key(scope: Scope) -> AWSHelperFn:
    """Returns what a property takes that names a KMS key: the given key's ARN, nothing where none is given."""
    return scope.choose(c.HAS_KEY, scope.parameter(p.KMS_KEY), NoValue)


def decrypts_secret(scope: Scope, secret_arn: Value) -> AWSHelperFn:
    """Returns the inline policy that lets a role decrypt one secret, where the given key may have encrypted it."""
    return scope.choose(
        c.HAS_KEY,
        iam.Policy(
            PolicyName="decrypt-secret",
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

"""The registry: the repository that holds the server's images, who may pull them and where they are replicated."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from awacs import ecr as ecr_actions
from awacs.aws import Allow, AWSPrincipal, Condition, PrincipalOrgID, Statement, StringEquals
from awacs.aws import Principal as AnyPrincipal
from troposphere import AWSHelperFn, Equals, Join, Not, NoValue, Or, Ref, ecr, encode_to_dict

from generator import composition
from generator import foundation_parameters as f
from generator.composition import Layer, Scope, Value, wire
from generator.parameters import RootParameter
from generator.policies import VERSION, policy, policy_text

UNTAGGED_DAYS = 14
KEPT_IMAGES = 50
PULL_ACTIONS = [
    ecr_actions.BatchCheckLayerAvailability,
    ecr_actions.BatchGetImage,
    ecr_actions.GetDownloadUrlForLayer,
    ecr_actions.DescribeImages,
]


def _given(name: str, parameter: RootParameter) -> composition.Condition:
    def expression(scope: Scope) -> AWSHelperFn:
        reference = scope.parameter(parameter)
        text = Join("", reference) if parameter.type == "CommaDelimitedList" else reference
        return Not(Equals(text, ""))

    return composition.Condition(name, expression)


EMPTIES = composition.chosen("EmptiesRepository", f.EMPTY_ON_DELETE, "on")
HAS_ACCOUNTS = _given("HasTargetAccounts", f.TARGET_ACCOUNTS)
HAS_ORGANIZATION = _given("HasOrganization", f.ORGANIZATION_ID)
IS_SHARED = composition.Condition(
    "IsShared", lambda scope: Or(scope.holds(HAS_ACCOUNTS), scope.holds(HAS_ORGANIZATION))
)
HAS_KEY = _given("HasRegistryKey", f.REGISTRY_KEY)
REPLICATES = tuple(
    _given(f"Replicates{slot}", parameter) for slot, parameter in enumerate(f.REPLICATION_REGIONS, start=1)
)
REPLICATES_ANYWHERE = composition.Condition(
    "ReplicatesAnywhere", lambda scope: Or(*(scope.holds(condition) for condition in REPLICATES))
)


@dataclass(frozen=True)
class Inputs:
    """The registry needs nothing of other layers."""


@dataclass(frozen=True)
class Outputs:
    """Where images are pushed."""

    repository_name: Value = wire("Name of the repository that holds the server's images.")
    repository_arn: Value = wire("ARN of the repository that holds the server's images.")


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds the repository with its pull policy and, where a Region is named, the replication of this registry."""
    repository = scope.add(
        ecr.Repository(
            "Repository",
            RepositoryName=scope.parameter(f.REPOSITORY_NAME),
            ImageTagMutability="IMMUTABLE",
            EncryptionConfiguration=encryption(scope),
            ImageScanningConfiguration=ecr.ImageScanningConfiguration(ScanOnPush=True),
            LifecyclePolicy=ecr.LifecyclePolicy(LifecyclePolicyText=lifecycle_text()),
            RepositoryPolicyText=scope.choose(IS_SHARED, pull_policy(scope), NoValue),
            EmptyOnDelete=scope.choose(EMPTIES, True, False),
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Retain",
        ),
        "Holds the server's images under tags that never move. It bears a name, so it cannot be kept when the stack is"
        " deleted: the next one could not be made.",
    )
    scope.add(
        ecr.ReplicationConfiguration(
            "Replication",
            ReplicationConfiguration=ecr.ReplicationConfigurationProperty(
                Rules=[
                    ecr.ReplicationRule(
                        Destinations=[
                            scope.choose(
                                condition,
                                ecr.ReplicationDestination(
                                    Region=scope.parameter(parameter), RegistryId=Ref("AWS::AccountId")
                                ),
                                NoValue,
                            )
                            for condition, parameter in zip(REPLICATES, f.REPLICATION_REGIONS, strict=True)
                        ],
                        RepositoryFilters=[
                            ecr.RepositoryFilter(Filter=scope.parameter(f.REPOSITORY_NAME), FilterType="PREFIX_MATCH")
                        ],
                    )
                ]
            ),
        ),
        "Copies every pushed image to the other Regions; it replaces the registry's replication settings.",
        REPLICATES_ANYWHERE,
    )
    return Outputs(repository_name=repository.ref(), repository_arn=repository.get_att("Arn"))


def encryption(scope: Scope) -> AWSHelperFn:
    """Returns how a repository of this Region is encrypted: with the given key, else with keys of AWS.

    A repository keeps this for good (provider schema, `createOnlyProperties`). Who pulls needs no permission for the
    key: ECR uses it by a grant (ECR user guide, "Encryption at rest").
    """
    return scope.choose(
        HAS_KEY, ecr.EncryptionConfiguration(EncryptionType="KMS", KmsKey=scope.parameter(f.REGISTRY_KEY)), NoValue
    )


def lifecycle_text() -> str:
    """Returns the lifecycle policy as JSON text: untagged images expire, and of the tagged ones the newest stay."""
    rules: list[dict[str, Any]] = [
        {
            "rulePriority": 1,
            "description": "Expire what no tag names",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": UNTAGGED_DAYS,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": "Keep the newest",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT_IMAGES},
            "action": {"type": "expire"},
        },
    ]
    return json.dumps({"rules": rules}, separators=(",", ":"))


def pull_policy(scope: Scope) -> dict[str, Any]:
    """Returns the repository policy that lets exactly the target accounts and the organization pull."""
    accounts = _accounts_statement(scope.parameter(f.TARGET_ACCOUNTS))
    organization = _organization_statement(scope.parameter(f.ORGANIZATION_ID))
    return {
        "Version": VERSION,
        "Statement": [
            scope.choose(HAS_ACCOUNTS, accounts, NoValue),
            scope.choose(HAS_ORGANIZATION, organization, NoValue),
        ],
    }


def plain_pull_policy(accounts: Sequence[str], organization: str) -> dict[str, Any] | None:
    """Returns the same policy for account ids and an organization's id as plain data; None where neither is given."""
    statements = [
        *([_accounts_statement(list(accounts))] if accounts else []),
        *([_organization_statement(organization)] if organization else []),
    ]
    if not statements:
        return None
    document: dict[str, Any] = encode_to_dict(policy(*statements))
    return document


def pull_policy_text(scope: Scope) -> AWSHelperFn:
    """Returns the same policy as JSON text, for a property that takes no document."""
    accounts, organization = _accounts_statement(["${Accounts}"]), _organization_statement("${Organization}")
    listed: dict[str, Value] = {"Accounts": Join('","', scope.parameter(f.TARGET_ACCOUNTS))}
    member: dict[str, Value] = {"Organization": scope.parameter(f.ORGANIZATION_ID)}
    return scope.choose(
        HAS_ACCOUNTS,
        scope.choose(
            HAS_ORGANIZATION,
            policy_text(policy(accounts, organization), listed | member),
            policy_text(policy(accounts), listed),
        ),
        policy_text(policy(organization), member),
    )


def _accounts_statement(accounts: Any) -> Statement:
    return Statement(Sid="PullFromAccounts", Effect=Allow, Principal=AWSPrincipal(accounts), Action=PULL_ACTIONS)


def _organization_statement(organization: Value) -> Statement:
    return Statement(
        Sid="PullFromOrganization",
        Effect=Allow,
        Principal=AnyPrincipal("*"),
        Action=PULL_ACTIONS,
        Condition=Condition([StringEquals(PrincipalOrgID, organization)]),
    )


LAYER = Layer("Registry", "Container registry of the MCP runtime.", 10, Outputs, build)

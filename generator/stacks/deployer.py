"""The deployer: managed policies for whoever runs `build.py`, a person or a pipeline, in one account.

What they allow follows from the calls of `deployer/` (`generator.deployer_permissions`) and from what CloudFormation
calls with the caller's credentials to make the foundation and the catalog (`generator.handler_permissions`); the
runtimes are made by the stack sets' own roles.
"""

from typing import Any, Final

from awacs import cloudformation, kms, secretsmanager, sts
from awacs import iam as iam_actions
from awacs.aws import Allow, Condition, Statement, StringLike
from troposphere import AWSHelperFn, Equals, Not, NoValue, Output, Sub, Template, iam

from generator import catalog_parameters as k
from generator import composition, protection
from generator import conditions as c
from generator import foundation_parameters as f
from generator import parameters as p
from generator.composition import FlattenedComposer, Scope, rendered, root_parameter
from generator.deployer_permissions import DEPLOYER_PERMISSIONS
from generator.handler_permissions import CATALOG_PERMISSIONS, FOUNDATION_PERMISSIONS, HANDLER_PERMISSIONS
from generator.handler_policies import UNSCOPED_REASON, UNSCOPED_SID, Names, Needs, actions, services, uses
from generator.interface import interface
from generator.parameters import RootParameter
from generator.policies import VERSION, allow
from generator.protection import GRANTING, granting
from generator.simplification import simplified
from generator.stacks import catalog, foundation

FILE: Final = "foundation-deployer.yaml"
FOUNDATION_STACKS: Final = "mcp-runtime-foundation*"
"""How the foundation's stacks are named, and how the names begin that CloudFormation gives in them."""
CATALOG_STACKS: Final = "mcp-runtime-catalog*"
"""How the catalog's stacks are named, and those of launch roles."""
RUNTIME_STACKS: Final = "StackSet-*"
_STACKS: Final = (FOUNDATION_STACKS, CATALOG_STACKS, RUNTIME_STACKS)
_OWN: Final = "arn:${AWS::Partition}:iam::${AWS::AccountId}"
_ARN: Final = "arn:${AWS::Partition}:%s:*:${AWS::AccountId}:%s"
_BUCKETS: Final = ("mcp-runtime-foundation*", RUNTIME_STACKS.lower())
_NAMES: Final[Names] = {
    "codebuild": (_ARN % ("codebuild", "project/ImageBuilderProject-*"),),
    "logs": (_ARN % ("logs", f"log-group:{FOUNDATION_STACKS}"),),
    # A delegated administrator reads what belongs to the management account.
    "organizations": ("arn:${AWS::Partition}:organizations::*:*",),
    "s3": tuple(f"arn:${{AWS::Partition}}:s3:::{name}" for name in _BUCKETS),
}
"""Where the foundation's resources bear names that are known beforehand."""
CATALOG: Final = "servicecatalog"
CATALOG_POLICY: Final = "DeployerCatalogPolicy"
"""The policy that only publishing to Service Catalog takes."""
PUBLISHING: Final = ("cloudformation", "codebuild", "ecr", "iam", "logs", "organizations", "s3", "sts")
"""The services that publish; those of the rest look after targets."""
APART: Final = frozenset(
    {
        *("cloudformation:CreateStack", "cloudformation:DeleteStack", "cloudformation:UpdateStack"),
        *("iam:PassRole", "sts:AssumeRole"),
        *(f"secretsmanager:{name}" for name in ("GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage")),
    }
)
"""Calls with statements of their own, on narrower resources than the rest of their service."""

_ROLE_NAME: Final = r"^([A-Za-z0-9_+=,.@-]{1,64})?$"
ACCESS_ROLE: Final = RootParameter(
    "AccessRoleName",
    f.STACK_SETS,
    "Access role",
    "Name of the role in the target accounts that the deployer assumes (stack_set.access_role_name). Empty: none.",
    allowed_pattern=_ROLE_NAME,
    constraint="must be the name of an IAM role, or empty",
)
PARAMETERS: Final = (
    f.ADMINISTRATION_ROLE_NAME,
    f.EXECUTION_ROLE_NAME,
    ACCESS_ROLE,
    k.LAUNCH_ROLE_NAME,
    f.REPOSITORY_NAME,
    p.PERMISSIONS_BOUNDARY,
)
HAS_ACCESS_ROLE: Final = composition.Condition(
    "HasAccessRole", lambda scope: Not(Equals(scope.parameter(ACCESS_ROLE), ""))
)
Element = Statement | AWSHelperFn


def templates() -> dict[str, dict[str, Any]]:
    """Returns the template of the deployer's policies, by file name, as plain data."""
    template = Template(Description="Permissions of whoever deploys MCP agent runtimes: managed policies to attach.")
    template.set_version()
    template.set_metadata(interface(f.GROUPS, PARAMETERS))
    for parameter in PARAMETERS:
        template.add_parameter(root_parameter(parameter))
    scope = FlattenedComposer(template).scope
    for title, description, statements in (
        ("DeployerPublishingPolicy", "The calls with which build.py publishes.", _publishing(scope)),
        ("DeployerTargetsPolicy", "The calls with which build.py looks after the targets.", _targets()),
        ("DeployerFoundationPolicy", "What CloudFormation calls to make the foundation.", _foundation(scope)),
        ("DeployerBucketPolicy", "What CloudFormation calls to make the foundation's bucket.", _bucket()),
        (CATALOG_POLICY, "What publishing to Service Catalog calls.", _catalog(scope)),
    ):
        unscoped = any(isinstance(one, Statement) and one.Sid == UNSCOPED_SID for one in statements)
        made = scope.add(
            iam.ManagedPolicy(
                title,
                Description=f"{description} A part of what deploying MCP runtimes needs.",
                PolicyDocument={"Version": VERSION, "Statement": statements},
            ),
            description,
            wildcards={UNSCOPED_SID: UNSCOPED_REASON} if unscoped else None,
        )
        template.add_output(Output(f"{title}Arn", Description=description, Value=made.ref()))
    return {FILE: simplified(rendered(template, wait=True))}


def _publishing(scope: Scope) -> list[Element]:
    """Returns what the deployer's own calls need; stacks change only by the foundation's and the stack set's names."""
    repository = Sub(_ARN % ("ecr", "repository/${Name}"), Name=scope.parameter(f.REPOSITORY_NAME))
    return [
        *uses(_shared(), PUBLISHING, {**_NAMES, "ecr": (repository,)}),
        allow(
            [cloudformation.CreateStack, cloudformation.DeleteStack, cloudformation.UpdateStack],
            [Sub(_ARN % ("cloudformation", f"stack/{name}/*")) for name in _STACKS],
            "ChangeStacks",
        ),
        allow(
            [iam_actions.PassRole],
            [Sub(f"{_OWN}:role/${{Name}}", Name=scope.parameter(f.ADMINISTRATION_ROLE_NAME))],
            "PassAdministrationRole",
        ),
        scope.choose(
            HAS_ACCESS_ROLE,
            allow(
                [sts.AssumeRole],
                [Sub("arn:${AWS::Partition}:iam::*:role/${Name}", Name=scope.parameter(ACCESS_ROLE))],
                "ReachTargets",
            ),
            NoValue,
        ),
    ]


def _targets() -> list[Element]:
    """Returns what looking after runtimes needs: of secrets, values of the stacks' own client secrets alone."""
    secret = Sub(_ARN % ("secretsmanager", "secret:ClientSecret-*"))
    service = {"kms:ViaService": Sub("secretsmanager.*.${AWS::URLSuffix}"), "kms:EncryptionContext:SecretARN": secret}
    return [
        *uses(_shared(), [one for one in services(DEPLOYER_PERMISSIONS) if one not in (*PUBLISHING, CATALOG)], _NAMES),
        allow(
            [secretsmanager.GetSecretValue, secretsmanager.PutSecretValue, secretsmanager.UpdateSecretVersionStage],
            [secret],
            "ClientSecrets",
        ),
        Statement(
            Sid="KeysOfClientSecrets",
            Effect=Allow,
            Action=[kms.Decrypt, kms.GenerateDataKey],
            Resource=[Sub(_ARN % ("kms", "key/*"))],
            Condition=Condition([StringLike(service)]),
        ),
    ]


def _shared() -> Needs:
    return {
        service: [action for action in found if action not in APART] for service, found in DEPLOYER_PERMISSIONS.items()
    }


def _foundation(scope: Scope) -> list[Element]:
    """Returns what CloudFormation calls, with the caller's credentials, for the foundation's resources but buckets."""
    needs = _needs()
    repository = Sub(_ARN % ("ecr", "repository/${Name}"), Name=scope.parameter(f.REPOSITORY_NAME))
    named = [
        Sub(f"{_OWN}:role/${{Name}}", Name=scope.parameter(parameter))
        for parameter in (f.ADMINISTRATION_ROLE_NAME, f.EXECUTION_ROLE_NAME)
    ]
    roles = [*named, Sub(f"{_OWN}:role/{FOUNDATION_STACKS}")]
    kept = (*GRANTING, "CreateServiceLinkedRole", "PassRole")
    return [
        *uses(needs, ("codebuild", "ecr", "kms", "logs"), {**_NAMES, "ecr": (repository,)}),
        allow(
            [action for action in actions(needs, "iam") if action.action not in kept],
            [*roles, Sub(f"{_OWN}:policy/{FOUNDATION_STACKS}")],
            "Roles",
        ),
        allow([iam_actions.PassRole], [Sub(f"{_OWN}:role/{FOUNDATION_STACKS}")], "PassRoles"),
        scope.choose(c.HAS_BOUNDARY, granting(roles, protection.requires_boundary(scope)), granting(roles, None)),
        allow([iam_actions.CreateServiceLinkedRole], [Sub(f"{_OWN}:role/aws-service-role/*")], "ServiceLinkedRoles"),
    ]


def _catalog(scope: Scope) -> list[Element]:
    """Returns what `publish` calls, and CloudFormation for the portfolio, the product and the launch role."""
    types = catalog.types()
    made: Needs = {name: found for name, found in _known().items() if name in types}
    needs: Needs = {**{name: found for name, found in made.items() if name in CATALOG_PERMISSIONS}, **_shared()}
    role = Sub(f"{_OWN}:role/${{Name}}", Name=scope.parameter(k.LAUNCH_ROLE_NAME))
    resources: list[str | AWSHelperFn] = [role, Sub(f"{_OWN}:policy/{CATALOG_STACKS}")]
    kept = (*GRANTING, "CreateServiceLinkedRole", "GetGroup", "GetUser", "PassRole")
    return [
        *uses(needs, (CATALOG,)),
        allow(
            [action for action in actions(made, "iam") if action.action not in kept],
            resources,
            "LaunchRole",
        ),
        allow([iam_actions.PassRole], [role], "PassLaunchRole"),
        allow(
            [iam_actions.GetGroup, iam_actions.GetRole, iam_actions.GetUser],
            [Sub(f"{_OWN}:{kind}/*") for kind in ("group", "role", "user")],
            "Principals",
        ),
        allow(
            [cloudformation.GetTemplate, cloudformation.ValidateTemplate], [Sub(_ARN % ("cloudformation", "*"))], "Read"
        ),
        scope.choose(
            c.HAS_BOUNDARY, granting(resources, protection.requires_boundary(scope)), granting(resources, None)
        ),
    ]


def _bucket() -> list[Element]:
    return [*uses(_needs(), ("s3",), _NAMES)]


def _needs() -> Needs:
    """Returns what the handlers of the foundation's types need."""
    known = _known()
    return {name: known[name] for name in sorted(foundation.types())}


def _known() -> Needs:
    return {**HANDLER_PERMISSIONS, **FOUNDATION_PERMISSIONS, **CATALOG_PERMISSIONS}

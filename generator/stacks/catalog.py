"""The catalog: the Service Catalog portfolio, product and constraints, once per Region, and the launch role.

The stack owns the product and the version that it begins with. Later versions are added through the API, since a
version's guidance and whether it is active are no properties of `AWS::ServiceCatalog::CloudFormationProduct`.

Facts: Service Catalog administrator guide, "AWS Service Catalog Launch Constraints" (the launch role reads the root
template from a bucket of the service, by the tag `servicecatalog:provisioning`; its trust) and "Template Constraint
Rules"; service model, `CreateConstraint` (a role or a local role's name, LAUNCH or STACKSET) and
`AssociatePrincipalWithPortfolio` (patterns name no account). Children stay in the artifact bucket, without that tag, so
the role reads them there by their own prefix.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from awacs import s3 as s3_actions
from awacs import sts
from awacs.aws import Allow, Condition, Principal, Statement, StringEquals
from troposphere import And, AWSObject, Equals, Join, Not, Output, Ref, Sub, Template, iam, servicecatalog

from generator import catalog_parameters as k
from generator import composition, protection
from generator import foundation_parameters as f
from generator import parameters as p
from generator.composition import FlattenedComposer, Scope, after, chosen, rendered, root_parameter
from generator.interface import interface
from generator.parameters import RootParameter
from generator.policies import policy
from generator.presets import PRESET
from generator.simplification import simplified
from generator.stacks.foundation import TEMPLATES, making, stacks_and_roles

FILE: Final = "catalog.yaml"
RECIPIENT_FILE: Final = "catalog-recipient.yaml"
STACKS: Final = "SC-*"
"""How the names of the stacks begin that Service Catalog launches, with those of their nested stacks and roles."""
CREATES_ROLE: Final = chosen("CreatesLaunchRole", k.CREATE_LAUNCH_ROLE, "on")
BY_ROLE: Final = chosen("LaunchesByRole", k.CONSTRAINT, k.ROLE)
BY_STACK_SET: Final = chosen("LaunchesByStackSet", k.CONSTRAINT, k.STACK_SET)
_RULES: Final = json.dumps(
    {
        "DevelopmentSizes": {
            "RuleCondition": {"Fn::Equals": [{"Ref": p.PRESET_NAME.name}, "development"]},
            "Assertions": [
                {
                    "Assert": {"Fn::Contains": [[PRESET, "${Sizes}"], {"Ref": p.TASK_SIZE.name}]},
                    "AssertDescription": "With the preset development the task size must be preset or one of"
                    " ${Listed}.",
                }
            ],
        },
        "ImageIsThere": {
            "Assertions": [
                {
                    "Assert": {"Fn::Contains": [["${Architectures}"], {"Ref": p.CPU_ARCHITECTURE.name}]},
                    "AssertDescription": "The image is for ${ListedArchitectures}.",
                }
            ],
        },
    },
    separators=(",", ":"),
)


def templates() -> dict[str, dict[str, Any]]:
    """Returns the catalog's templates, by file name, as plain data."""
    return {FILE: _catalog(), RECIPIENT_FILE: _recipient()}


def types() -> frozenset[str]:
    """Returns the types of the catalog's resources."""
    return frozenset(one["Type"] for template in templates().values() for one in template["Resources"].values())


def _template(description: str, parameters: Sequence[RootParameter]) -> Template:
    template = Template(Description=description)
    template.set_version()
    template.set_metadata(interface(k.GROUPS, parameters))
    for parameter in parameters:
        template.add_parameter(root_parameter(parameter))
    return template


def _recipient() -> dict[str, Any]:
    template = _template(
        "Launch role of MCP agent runtimes: once per account that a portfolio is shared with.", k.RECIPIENT
    )
    _launch_role(FlattenedComposer(template).scope, None)
    return simplified(rendered(template, wait=True))


def _catalog() -> dict[str, Any]:
    template = _template("Service Catalog portfolio and product of MCP agent runtimes: once per Region.", k.CATALOG)
    template.add_rule(
        "StackSetHasTargets",
        {
            "RuleCondition": {"Fn::Equals": [Ref(k.CONSTRAINT.name), k.STACK_SET]},
            "Assertions": [
                {
                    "Assert": {"Fn::Not": [{"Fn::EachMemberEquals": [Ref(parameter.name), ""]}]},
                    "AssertDescription": f"A stack-set constraint needs {parameter.name}.",
                }
                for parameter in (k.STACK_SET_ACCOUNTS, k.STACK_SET_REGIONS)
            ],
        },
    )
    scope = FlattenedComposer(template).scope
    portfolio = scope.add(
        servicecatalog.Portfolio(
            "Portfolio",
            DisplayName=scope.parameter(k.PRODUCT_NAME),
            ProviderName=scope.parameter(k.PROVIDER),
            Description="Agent runtimes that call tools over MCP.",
        ),
        "Holds the product, and says who may launch it.",
    )
    product = scope.add(
        servicecatalog.CloudFormationProduct(
            "Product",
            Name=scope.parameter(k.PRODUCT_NAME),
            Owner=scope.parameter(k.PROVIDER),
            Description="A load-balanced MCP server behind an AgentCore Gateway.",
            ReplaceProvisioningArtifacts=False,
            ProvisioningArtifactParameters=[
                servicecatalog.ProvisioningArtifactProperties(
                    Name=scope.parameter(k.VERSION_NAME),
                    Type="CLOUD_FORMATION_TEMPLATE",
                    Info=servicecatalog.Info(LoadTemplateFromURL=scope.parameter(k.TEMPLATE_URL)),
                )
            ],
        ),
        "The runtime as a product; its later versions are added beside the stack and go with it.",
    )
    offered = scope.add(
        servicecatalog.PortfolioProductAssociation(
            "ProductInPortfolio", PortfolioId=portfolio.ref(), ProductId=product.ref()
        ),
        "Puts the product into the portfolio.",
    )
    # AWS takes a constraint only once the product is in the portfolio, which no reference of its tells.
    place = {"PortfolioId": after(portfolio.ref(), offered), "ProductId": product.ref()}
    _constraints(scope, place, _launch_role(scope, CREATES_ROLE))
    _audience(scope, portfolio)
    _tags(scope, portfolio)
    for title, description, value in (
        ("PortfolioId", "The portfolio.", portfolio.ref()),
        ("ProductId", "The product, to which versions are added.", product.ref()),
        ("LaunchRoleName", "Role with which the product launches.", scope.parameter(k.LAUNCH_ROLE_NAME)),
    ):
        template.add_output(Output(title, Description=description, Value=value))
    return simplified(rendered(template, wait=True))


def _constraints(scope: Scope, place: dict[str, Any], role: iam.Role) -> None:
    scope.add(
        servicecatalog.LaunchRoleConstraint(
            "LaunchRoleConstraint",
            LocalRoleName=scope.choose(CREATES_ROLE, role.ref(), scope.parameter(k.LAUNCH_ROLE_NAME)),
            Description="Launches with the role of this name in the account of whoever launches.",
            **place,
        ),
        "Makes launches act with the launch role, so that who launches needs no rights on what is made.",
        BY_ROLE,
    )
    administration = Sub(
        "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Name}", Name=scope.parameter(f.ADMINISTRATION_ROLE_NAME)
    )
    scope.add(
        servicecatalog.StackSetConstraint(
            "StackSetConstraint",
            AccountList=scope.parameter(k.STACK_SET_ACCOUNTS),
            RegionList=scope.parameter(k.STACK_SET_REGIONS),
            AdminRole=administration,
            ExecutionRole=scope.parameter(f.EXECUTION_ROLE_NAME),
            StackInstanceControl="NOT_ALLOWED",
            Description="Launches as a stack set over the accounts and Regions that the publisher chose.",
            **place,
        ),
        "Makes launches a stack set with the foundation's roles.",
        BY_STACK_SET,
    )
    sizes, architectures = scope.parameter(k.DEVELOPMENT_SIZES), scope.parameter(k.ARCHITECTURES)
    scope.add(
        servicecatalog.LaunchTemplateConstraint(
            "LaunchRules",
            Rules=Sub(
                _RULES,
                Sizes=Join('","', sizes),
                Listed=Join(", ", sizes),
                Architectures=Join('","', architectures),
                ListedArchitectures=Join(" and ", architectures),
            ),
            Description="Sizes that may be launched for development, and the architectures of the image.",
            **place,
        ),
        "Refuses, before anything is made, sizes that are not for development and architectures without an image.",
    )


def _audience(scope: Scope, portfolio: AWSObject) -> None:
    for kind, slots in (("IAM", k.PRINCIPALS), ("IAM_PATTERN", k.PRINCIPAL_PATTERNS)):
        for parameter in slots:
            scope.add(
                servicecatalog.PortfolioPrincipalAssociation(
                    f"{parameter.name}InPortfolio",
                    PortfolioId=portfolio.ref(),
                    PrincipalARN=scope.parameter(parameter),
                    PrincipalType=kind,
                ),
                "Lets these launch what the portfolio holds.",
                _given(parameter),
            )
    for parameter in k.SHARED_ACCOUNTS:
        scope.add(
            servicecatalog.PortfolioShare(
                f"{parameter.name}Share",
                PortfolioId=portfolio.ref(),
                AccountId=scope.parameter(parameter),
                ShareTagOptions=True,
            ),
            "Offers the portfolio to another account, which must accept it.",
            _given(parameter),
        )


def _tags(scope: Scope, portfolio: AWSObject) -> None:
    key = _given(k.TAG_KEY)
    for parameter in k.TAG_VALUES:

        def both(inner: Scope, value: RootParameter = parameter) -> And:
            return And(inner.holds(key), inner.holds(_given(value)))

        when = composition.Condition(f"Offers{parameter.name}", both)
        option = scope.add(
            servicecatalog.TagOption(
                f"{parameter.name}Option",
                Key=scope.parameter(k.TAG_KEY),
                Value=scope.parameter(parameter),
                Active=True,
            ),
            "A value that the tag of a launch may have.",
            when,
        )
        scope.add(
            servicecatalog.TagOptionAssociation(
                f"{parameter.name}InPortfolio", TagOptionId=option.ref(), ResourceId=portfolio.ref()
            ),
            "Asks for the tag at every launch from the portfolio.",
            when,
        )


def _given(parameter: RootParameter) -> composition.Condition:
    return composition.Condition(f"Has{parameter.name}", lambda scope: Not(Equals(scope.parameter(parameter), "")))


def _launch_role(scope: Scope, when: composition.Condition | None) -> iam.Role:
    """Adds the role that the service takes.

    The guide's trust names no account and no other key that the service is known to send, so none is asked for.
    """
    packaged = Sub(f"arn:${{AWS::Partition}}:s3:::${{Bucket}}/{TEMPLATES}*", Bucket=scope.parameter(f.ARTIFACT_BUCKET))
    copied = Statement(
        Sid="CopiedTemplate",
        Effect=Allow,
        Action=[s3_actions.GetObject],
        Resource=["*"],
        Condition=Condition([StringEquals("s3:ExistingObjectTag/servicecatalog:provisioning", "true")]),
    )
    return scope.add(
        iam.Role(
            "LaunchRole",
            RoleName=scope.parameter(k.LAUNCH_ROLE_NAME),
            PermissionsBoundary=protection.boundary(scope),
            AssumeRolePolicyDocument=policy(
                Statement(
                    Effect=Allow,
                    Principal=Principal("Service", "servicecatalog.amazonaws.com"),
                    Action=[sts.AssumeRole],
                )
            ),
            ManagedPolicyArns=[one.ref() for one in making(scope, "Launch", "Service Catalog needs", STACKS, when)],
            Policies=[
                iam.Policy(
                    PolicyName="stacks-and-roles",
                    PolicyDocument=stacks_and_roles(scope, packaged, STACKS, [copied]),
                )
            ],
        ),
        "What Service Catalog may do in this account: make the runtime's resources, and roles under its own names.",
        when,
        wildcards={
            "Stacks": "only stacks of Service Catalog, whose every call the role exists for",
            "Templates": "a template that is read has no resource of its own",
            "Zones": "IAM takes no narrower resource; Fn::GetAZs and new load balancers ask with the role of the stack",
            "CopiedTemplate": "the service keeps its copy in a bucket of its own without a known name, and tags it",
        },
    )

"""The catalog: what waits for what, which constraint there is, what the launch role may read, which sizes launch."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from deployer.packaging import ImageReference, packaged
from generator import catalog_parameters as k
from generator import presets
from generator.evaluation import PSEUDO, Deployment
from generator.parameters import RootParameter
from generator.stacks import catalog, template_dicts

TEMPLATES = template_dicts()
BUCKET = "artifacts"
GIVEN = {
    "ProviderName": "Platform",
    "FirstTemplateUrl": f"https://{BUCKET}.s3.us-east-1.amazonaws.com/templates/0.yaml",
    "FirstVersionName": "v1.0.0",
    "ArtifactBucketName": BUCKET,
}
CONSTRAINTS = {"LaunchRoleConstraint", "StackSetConstraint", "LaunchRules"}


def deployed(file: str = catalog.FILE, **given: str) -> Deployment:
    declared = TEMPLATES[file]["Parameters"]
    defaults = {name: str(one.get("Default", "")) for name, one in declared.items()}
    values = {name: value for name, value in (GIVEN | given).items() if name in declared}
    return Deployment(TEMPLATES, file, PSEUDO).given(defaults | values)


def rules(**given: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(deployed(**given).property("LaunchRules", "Rules"))
    return found


def refusals(rules: dict[str, Any], **given: str) -> list[str]:
    """What the rules say of a launch of the product with these values."""
    template = {**TEMPLATES["runtime-flat.yaml"], "Rules": rules, "Resources": {}}
    values = {name: str(one.get("Default", "")) for name, one in template["Parameters"].items()}
    return list(Deployment({"product": template}, "product").given({**values, **given}).violations())


def statements(file: str) -> dict[str, dict[str, Any]]:
    [policy] = deployed(file).property("LaunchRole", "Policies")
    return {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}


@pytest.mark.parametrize(("kind", "there"), [(k.ROLE, "LaunchRoleConstraint"), (k.STACK_SET, "StackSetConstraint")])
def test_one_constraint_of_the_two_is_made_and_each_waits_for_the_association(kind: str, there: str) -> None:
    found = deployed(LaunchConstraint=kind, StackSetAccounts="111122223333", StackSetRegions="eu-west-1")
    assert not list(found.violations())
    assert CONSTRAINTS & set(found.existing()) == {there, "LaunchRules"}
    assert all("ProductInPortfolio" in found.waits_for(title) for title in (there, "LaunchRules"))


def test_stack_set_without_targets_is_refused_before_anything_is_made() -> None:
    told = list(deployed(LaunchConstraint=k.STACK_SET).violations())
    assert told == [f"A stack-set constraint needs {name}." for name in ("StackSetAccounts", "StackSetRegions")]


def test_role_that_is_made_is_there_before_the_constraint_that_names_it() -> None:
    assert "LaunchRole" in deployed().waits_for("LaunchRoleConstraint")
    elsewhere = deployed(CreateLaunchRole="off")
    assert not {"LaunchRole", "LaunchNetworkPolicy"} & set(elsewhere.existing())
    assert elsewhere.property("LaunchRoleConstraint", "LocalRoleName") == "MCPRuntimeLaunchRole"


@pytest.mark.parametrize("file", [catalog.FILE, catalog.RECIPIENT_FILE])
def test_launch_role_reads_every_template_that_is_packaged_and_its_bucket_lets_it(file: str) -> None:
    package = packaged(TEMPLATES, "https://base", ImageReference("111122223333", "mcp", f"sha256:{'0' * 64}"))
    mine = statements(file)["PackagedTemplates"]
    assert mine["Action"] == ["s3:GetObject"]
    account = TEMPLATES["foundation-account.yaml"]["Resources"]["ArtifactBucketPolicy"]["Properties"]["PolicyDocument"]
    admitted = [one["Fn::If"][1] for one in account["Statement"] if "Fn::If" in one]
    [theirs] = {json.dumps(one["Resource"]) for one in admitted}
    prefix = json.loads(theirs)[0]["Fn::Sub"][0].rpartition("/")[0].rpartition("/")[2]
    for artifact in package.artifacts:
        [pattern] = mine["Resource"]
        assert fnmatchcase(f"arn:aws:s3:::{BUCKET}/{artifact.key}", str(pattern))
        assert artifact.key.startswith(f"{prefix}/")


def test_launch_role_reads_the_service_s_copy_by_its_tag_and_is_taken_by_the_service_alone() -> None:
    copied = statements(catalog.RECIPIENT_FILE)["CopiedTemplate"]
    assert copied["Condition"] == {"StringEquals": {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}}
    [trust] = deployed().property("LaunchRole", "AssumeRolePolicyDocument")["Statement"]
    assert trust["Principal"] == {"Service": "servicecatalog.amazonaws.com"}


@pytest.mark.parametrize("sid", ["Stacks", "Roles", "Grants"])
def test_launch_role_changes_stacks_and_roles_of_service_catalog_alone(sid: str) -> None:
    for resource in statements(catalog.FILE)[sid]["Resource"]:
        assert str(resource).rpartition("/SC-")[2] == "*"


def test_launch_role_makes_what_the_execution_role_makes() -> None:
    def actions(file: str, prefix: str) -> set[str]:
        found = {title: one for title, one in TEMPLATES[file]["Resources"].items() if title.startswith(prefix)}
        documents = [one["Properties"].get("PolicyDocument", {"Statement": []}) for one in found.values()]
        return {action for document in documents for one in document["Statement"] for action in one["Action"]}

    assert actions(catalog.FILE, "Launch") == actions("foundation-account.yaml", "Execution")
    assert actions(catalog.RECIPIENT_FILE, "Launch") == actions(catalog.FILE, "Launch")


@pytest.mark.parametrize(
    ("preset", "size", "launches"),
    [
        ("development", "preset", True),
        ("development", "256-1024", True),
        ("development", "4096-8192", False),
        ("production", "4096-8192", True),
    ],
)
def test_rules_of_the_product_s_template_admit_small_sizes_for_development(
    preset: str, size: str, launches: bool
) -> None:
    told = refusals(rules(DevelopmentTaskSizes="256-512,256-1024"), Preset=preset, TaskSize=size)
    assert (
        not told
        if launches
        else told == ["With the preset development the task size must be preset or one of 256-512, 256-1024."]
    )


@pytest.mark.parametrize(
    ("image", "told"),
    [("X86_64", ["The image is for X86_64."]), ("ARM64", []), ("X86_64,ARM64", [])],
)
def test_nothing_launches_for_an_architecture_that_the_image_lacks(image: str, told: list[str]) -> None:
    assert refusals(rules(ImageArchitectures=image), CpuArchitecture="ARM64") == told


def test_sizes_for_development_begin_with_the_preset_s_own() -> None:
    assert presets.PRESETS.rows["development"]["TaskSize"] in str(k.DEVELOPMENT_SIZES.default).split(",")


def test_nothing_is_offered_to_anybody_unasked() -> None:
    kinds = {"PortfolioPrincipalAssociation", "PortfolioShare", "TagOption", "TagOptionAssociation"}
    types = [f"AWS::ServiceCatalog::{kind}" for kind in sorted(kinds)]
    assert not deployed().existing(*types)
    asked = deployed(
        TagKey="team",
        TagValue1="a",
        Principal1="arn:aws:iam::111122223333:role/A",
        PrincipalPattern1="arn:aws:iam:::role/A*",
        SharedAccount1="444455556666",
    )
    assert [asked.property(f"{name}InPortfolio", "PrincipalType") for name in ("Principal1", "PrincipalPattern1")] == [
        "IAM",
        "IAM_PATTERN",
    ]
    assert {asked.type(title) for title in asked.existing(*types)} == set(types)


@pytest.mark.parametrize("parameter", k.CATALOG, ids=lambda parameter: parameter.name)
def test_every_parameter_is_described_and_bounded(parameter: RootParameter) -> None:
    assert parameter.description.endswith(".")
    assert str(parameter.constraint).startswith("must ")
    assert parameter.allowed_pattern or parameter.allowed_values


@pytest.mark.parametrize("file", [catalog.FILE, catalog.RECIPIENT_FILE])
def test_interface_groups_and_labels_every_parameter_once(file: str) -> None:
    interface = TEMPLATES[file]["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(TEMPLATES[file]["Parameters"])

"""A pinned gateway target, under every combination of parameters and in both forms: the schema, and who may read it."""

from typing import Any

import pytest

from generator.checks.domain import representatives
from generator.evaluation import Deployment, explore, possible
from generator.stacks import template_dicts

TEMPLATES = template_dicts()
FORMS = [Deployment(TEMPLATES, name) for name in ("runtime.yaml", "runtime-flat.yaml")]
URI, OWNER = "s3://artifacts/templates/0123.json", "111122223333"

form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.root.file)


def readable(deployment: Deployment) -> list[Any]:
    """The objects that the gateway's role may read."""
    return [
        resource
        for inline in deployment.property("GatewayRole", "Policies")
        for statement in inline["PolicyDocument"]["Statement"]
        if "s3:GetObject" in statement["Action"]
        for resource in statement["Resource"]
    ]


def wrong(deployment: Deployment) -> object:
    pinned = deployment.parameter(deployment.root, "ToolListing") == "pinned"
    if readable(deployment) != ([f"arn:aws:s3:::{URI.removeprefix('s3://')}"] if pinned else []):
        return "reads", readable(deployment)
    if not deployment.exists("GatewayTarget"):
        return None
    server = deployment.property("GatewayTarget", "TargetConfiguration")["Mcp"]["McpServer"]
    expected = {"S3": {"Uri": URI, "BucketOwnerAccountId": OWNER}} if pinned else None
    return None if (server["ListingMode"], server.get("McpToolSchema")) == ("DEFAULT", expected) else server


@form
def test_schema_and_its_reading_come_with_pinning_alone(form: Deployment) -> None:
    domain = {**representatives(form), "ToolSchemaUri": (URI,), "ToolSchemaAccount": (OWNER,)}
    domain["ToolListing"] = ("discovered", "pinned")
    answered = 0
    for values, found in explore(lambda given: wrong(form.given(given)), domain):
        if possible(form, domain, values):
            assert not found, f"{found} under {values}"
            answered += 1
    assert answered >= 4


@form
@pytest.mark.parametrize("missing", ["ToolSchemaUri", "ToolSchemaAccount"])
def test_pinning_without_a_whole_schema_is_refused_by_a_rule(form: Deployment, missing: str) -> None:
    defaults = {name: declared.get("Default", "") for name, declared in form.root.section("Parameters").items()}
    values = {**defaults, "ToolListing": "pinned", "ToolSchemaUri": URI, "ToolSchemaAccount": OWNER}
    assert list(form.given(values).violations()) == []
    (told,) = form.given({**values, missing: ""}).violations()
    assert told.startswith("With a pinned tool list, give the ")

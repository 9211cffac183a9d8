"""Input of AgentCore's control plane against the service model, from templates and from the API."""

from typing import Any

import pytest

from emulator.data_plane import shapes
from emulator.data_plane.errors import ServiceError

GATEWAY: dict[str, Any] = {
    "Name": "tools",
    "AuthorizerType": "AWS_IAM",
    "RoleArn": "arn:aws:iam::111122223333:role/gateway",
    "ProtocolConfiguration": {
        "Mcp": {"SearchType": "SEMANTIC", "StreamingConfiguration": {"EnableResponseStreaming": "true"}}
    },
}


def test_a_templates_properties_become_api_input() -> None:
    converted = shapes.from_template("CreateGateway", GATEWAY)

    assert converted["authorizerType"] == "AWS_IAM"
    assert converted["protocolConfiguration"]["mcp"]["streamingConfiguration"] == {"enableResponseStreaming": True}
    shapes.validate("CreateGateway", converted)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"Name": None}, "'name' failed to satisfy constraint: Member must not be null"),
        ({"Name": "with space"}, "regular expression pattern"),
        ({"Name": "-a"}, "regular expression pattern"),
        ({"AuthorizerType": "IAM"}, "enum value set"),
        ({"Description": ""}, "length between 1 and 200"),
        ({"Colour": "red"}, r"extraneous key \[Colour\] is not permitted"),
        ({"ProtocolConfiguration": {"Mcp": {"Instructions": 7}}}, "Member must be of type string"),
        (
            {"ProtocolConfiguration": {"Mcp": {"SessionConfiguration": {"SessionTimeoutInSeconds": "10"}}}},
            "between 900 and 28800",
        ),
    ],
)
def test_what_breaks_the_model_is_refused(changed: dict[str, Any], problem: str) -> None:
    properties = {key: value for key, value in {**GATEWAY, **changed}.items() if value is not None}

    with pytest.raises(ServiceError, match=problem) as refusal:
        shapes.validate("CreateGateway", shapes.from_template("CreateGateway", properties))
    assert refusal.value.code == "ValidationException"


def test_every_problem_is_named() -> None:
    with pytest.raises(ServiceError, match="3 validation errors detected"):
        shapes.validate("CreateGateway", {})


def test_a_target_is_of_exactly_one_kind() -> None:
    server = {"endpoint": "https://mcp.example.com/mcp"}
    parameters = {"gatewayIdentifier": "tools-0123456789", "name": "main"}
    good = {**parameters, "targetConfiguration": {"mcp": {"mcpServer": server}}}
    shapes.validate("CreateGatewayTarget", good)

    unencrypted = {"mcp": {"mcpServer": {"endpoint": "http://mcp.example.com"}}}
    configurations: list[dict[str, Any]] = [{}, {"mcp": {}}, unencrypted]
    for wrong in configurations:
        with pytest.raises(ServiceError):
            shapes.validate("CreateGatewayTarget", {**parameters, "targetConfiguration": wrong})


def test_output_shows_the_models_members_only_and_times_in_their_form() -> None:
    record = {"gatewayId": "tools-0123456789", "createdAt": 0.0, "internal": "hidden", "description": None}

    assert shapes.output("GetGateway", record) == {
        "gatewayId": "tools-0123456789",
        "createdAt": "1970-01-01T00:00:00.000Z",
    }

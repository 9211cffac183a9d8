"""The policy engine before the gateway's tools: its permissions, its attachment and the statements in it.

The order follows from what AWS checks. A gateway names its engine, so the engine comes first. A statement names the
gateway and is checked against the tools that its targets have listed, so it comes after the target (AgentCore developer
guide, "Per-policy engine validation"). An engine goes only when it has no policies (AgentCore service model,
`DeletePolicyEngine`), and they refer to it, so they go first.
"""

from typing import Final

from awacs import bedrock_agentcore as agentcore_actions
from troposphere import AWSHelperFn, If, Join, NoValue, Select, Split, iam
from troposphere import bedrockagentcore as agentcore

from generator import cedar
from generator import conditions as c
from generator import parameters as p
from generator.composition import Scope
from generator.names import bounded_name
from generator.policies import allow, policy, regional_arn

VALIDATION: Final = "IGNORE_ALL_FINDINGS"
"""Statements are checked against the tools' schema all the same. What is left out is the search for permissions that
are too wide, which would refuse one for every caller, and which depends on the statements that happen to be there
(AgentCore developer guide, "Validation and analysis overview")."""


def engine_name(scope: Scope) -> AWSHelperFn:
    """Returns the engine's name: that of the gateway, of which it may not have the hyphens."""
    return Join("_", [Join("_", Split("-", scope.parameter(p.RUNTIME_NAME))), scope.suffix])


def add_engine(scope: Scope, role: iam.Role) -> agentcore.PolicyEngine:
    """Adds the engine, existing only where callers are held to statements, after the `role` that asks it."""
    return scope.add(
        agentcore.PolicyEngine(
            "PolicyEngine",
            Name=engine_name(scope),
            Description="Who may call which tool of one MCP runtime.",
            # IAM needs seconds until a new role's permissions hold, and attaching an engine asks for them.
            DependsOn=role.title,
        ),
        "Decides for every tool call whether a statement permits it.",
        c.HAS_TOOL_ACCESS,
    )


def attachment(scope: Scope, engine: agentcore.PolicyEngine) -> If:
    """Returns the gateway's `PolicyEngineConfiguration`."""
    return scope.choose(
        c.HAS_TOOL_ACCESS,
        agentcore.GatewayPolicyEngineConfiguration(
            Arn=engine.get_att("PolicyEngineArn"),
            Mode=scope.choose(c.ENFORCES_TOOL_ACCESS, "ENFORCE", "LOG_ONLY"),
        ),
        NoValue,
    )


def add_statements(
    scope: Scope, engine: agentcore.PolicyEngine, gateway: agentcore.Gateway, target: agentcore.GatewayTarget
) -> None:
    """Adds one policy for each access statement that is given, once the target has listed its tools."""
    for number, (parameter, given) in enumerate(zip(p.ACCESS_STATEMENTS, c.HAS_ACCESS_STATEMENT, strict=True), 1):
        parts = Split(cedar.GATEWAY, scope.parameter(parameter))
        scope.add(
            agentcore.Policy(
                f"AccessPolicy{number}",
                Name=Join("_", [engine_name(scope), str(number)]),
                PolicyEngineId=engine.get_att("PolicyEngineId"),
                Definition=agentcore.PolicyDefinition(
                    Cedar=agentcore.CedarPolicy(
                        Statement=Join("", [Select(0, parts), gateway.get_att("GatewayArn"), Select(1, parts)])
                    )
                ),
                ValidationMode=VALIDATION,
                DependsOn=target.title,
            ),
            "Permits what one access statement says, and is checked against the tools that the target lists.",
            given,
        )


def role_policy(scope: Scope) -> iam.Policy:
    """Returns what the gateway's role needs of an engine, and of the gateway that asks it.

    It is there without an engine too, so that it is in force when one is attached to a standing gateway: AWS checks it
    then (AgentCore developer guide, "AgentCore Gateway and Policy in AgentCore IAM Permissions").
    """
    engines = regional_arn("bedrock-agentcore", "policy-engine/${Name}-*", Name=engine_name(scope))
    gateways = regional_arn("bedrock-agentcore", "gateway/${Name}-*", Name=bounded_name(scope))
    return iam.Policy(
        PolicyName="ask-policy-engine",
        PolicyDocument=policy(
            allow([agentcore_actions.GetPolicyEngine], [engines], "ReadEngine"),
            allow(
                [agentcore_actions.AuthorizeAction, agentcore_actions.PartiallyAuthorizeActions],
                [engines, gateways],
                "AskEngine",
            ),
        ),
    )

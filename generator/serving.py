"""What the load balancer, the tasks and the gateway must agree on: port, paths, names and times.

The times keep one order: the server's ping, below the load balancer's idle timeout, below the server's keep-alive, so
that neither side closes a connection that the other still uses; and deregistration, below the server's own bound for
finishing calls, below the container's stop timeout, so that no call is cut off.
"""

from typing import Final

CONTAINER_NAME: Final = "server"
CONTAINER_PORT: Final = 3000
COLLECTOR_NAME: Final = "collector"
TRACES_POLICY: Final = "send-traces"
"""The only inline policy that a template gives the tools' role."""
COLLECTOR_MEMORY_MIB: Final = 128
"""What the traces' collector gets of a task's memory, the smallest of which is 512 MiB."""
CONTAINER_USER: Final = "65532:65532"
"""The user and group of the image, so that the task definition says by itself that it is not root."""
MCP_PATH: Final = "/mcp"
READINESS_PATH: Final = "/ready"
GATEWAY_SIGNING_NAME: Final = "bedrock-agentcore"
"""Signing name of the gateway's data plane (service model `bedrock-agentcore`, metadata `signingName`)."""

PING_INTERVAL_SECONDS: Final = 30
IDLE_TIMEOUT_SECONDS: Final = 60
KEEP_ALIVE_SECONDS: Final = IDLE_TIMEOUT_SECONDS + 5

DEREGISTRATION_DELAY_SECONDS: Final = 60
SHUTDOWN_SECONDS: Final = 110
STOP_TIMEOUT_SECONDS: Final = 120
"""Fargate's largest (ECS service model, `ContainerDefinition.stopTimeout`)."""
HEALTH_CHECK_GRACE_SECONDS: Final = 60

TARGET_NAME: Final = "mcp"
"""Short, because `target___tool` may have 64 characters."""
TOOL_SECRETS_VARIABLE: Final = "TOOL_SECRETS"
REQUEST_STATE_VARIABLE: Final = "REQUEST_STATE_KEY"

PROTOCOL_VERSIONS: Final = ("2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
"""Every version that a gateway speaks; a gateway keeps the list that it was made with."""

LIMITED_PRINCIPAL: Final = "$.context.iam.principal"
LIMITED_TOOL: Final = "toolName"
"""Dimensions of the gateway's rate limits (resource type AWS::BedrockAgentCore::GatewayRateLimit)."""
REGION_WITHOUT_RATE_LIMITS: Final = "us-gov-west-1"
"""Of the Regions that have gateways the one in which that type is not registered."""

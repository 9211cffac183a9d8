"""The runtime: how its layers are wired, once, for the nested and for the flattened form."""

from typing import Any

from troposphere import AWSHelperFn, Output, Template

from generator import conditions as c
from generator import parameters as p
from generator import serving
from generator.composition import Composer, FlattenedComposer, NestedComposer, Scope, Value, rendered, root_parameter
from generator.interface import interface
from generator.layers import (
    certificate,
    firewall,
    gateway,
    identity,
    load_balancer,
    monitoring,
    network,
    service,
)
from generator.names import host_name
from generator.parameters import GROUPS
from generator.rules import RULES
from generator.simplification import simplified

PARENT_FILE = "runtime.yaml"
FLATTENED_FILE = "runtime-flat.yaml"
DESCRIPTION = "MCP agent runtime: a Bedrock AgentCore Gateway before a FastMCP server on Fargate."


def nested() -> dict[str, dict[str, Any]]:
    """Returns the parent template and one template a layer, by file name, as plain data."""
    template = _root(DESCRIPTION)
    composer = NestedComposer(template)
    _compose(composer)
    return {PARENT_FILE: simplified(rendered(template, wait=False))} | {
        name: simplified(rendered(child, wait=False)) for name, child in composer.children.items()
    }


def flattened() -> dict[str, dict[str, Any]]:
    """Returns the one template that holds every layer, by file name, as plain data."""
    template = _root(f"{DESCRIPTION} In one template.")
    _compose(FlattenedComposer(template))
    return {FLATTENED_FILE: simplified(rendered(template, wait=True))}


def _root(description: str) -> Template:
    template = Template(Description=description)
    template.set_version()
    template.set_metadata(interface(GROUPS, p.ALL))
    for parameter in p.ALL:
        template.add_parameter(root_parameter(parameter))
    for name, rule in RULES.items():
        template.add_rule(name, rule)
    return template


def _compose(composer: Composer) -> None:
    scope = composer.scope
    host = host_name(scope)
    net = composer.layer(network.LAYER, network.Inputs())
    cert = composer.layer(certificate.LAYER, certificate.Inputs(host_name=host), when=c.CREATES_CERTIFICATE)
    tokens = composer.layer(identity.LAYER, identity.Inputs(), when=c.HAS_ENDPOINT)
    walls = composer.layer(firewall.LAYER, firewall.Inputs(), when=c.HAS_FIREWALL)
    balancer = composer.layer(
        load_balancer.LAYER,
        load_balancer.Inputs(
            vpc_id=net.vpc_id,
            load_balancer_subnet_ids=net.load_balancer_subnet_ids,
            load_balancer_security_group_id=net.load_balancer_security_group_id,
            host_name=host,
            certificate_arn=scope.choose(
                c.CREATES_CERTIFICATE, cert.certificate_arn, scope.parameter(p.CERTIFICATE_ARN)
            ),
            issuer=tokens.issuer,
            jwks_url=tokens.jwks_url,
            scope=tokens.scope,
            client_id=tokens.client_id,
            load_balancer_web_acl_arn=walls.load_balancer_web_acl_arn,
        ),
    )
    tasks = composer.layer(
        service.LAYER,
        service.Inputs(
            private_subnet_ids=net.private_subnet_ids,
            task_security_group_id=net.task_security_group_id,
            host_name=host,
            target_group_arn=balancer.target_group_arn,
            target_group_full_name=balancer.target_group_full_name,
            load_balancer_full_name=balancer.load_balancer_full_name,
            endpoint_url=balancer.endpoint_url,
            issuer=tokens.issuer,
            jwks_url=tokens.jwks_url,
            scope=tokens.scope,
            client_id=tokens.client_id,
        ),
    )
    gate = composer.layer(
        gateway.LAYER,
        gateway.Inputs(
            served_endpoint_url=tasks.served_endpoint_url,
            scope=tokens.scope,
            client_secret_arn=tokens.client_secret_arn,
            credential_provider_arn=tokens.credential_provider_arn,
            gateway_web_acl_arn=walls.gateway_web_acl_arn,
            vpc_id=net.vpc_id,
            private_subnet_ids=net.private_subnet_ids,
            gateway_security_group_id=net.gateway_security_group_id,
            load_balancer_dns_name=balancer.load_balancer_dns_name,
        ),
    )
    watch = composer.layer(
        monitoring.LAYER,
        monitoring.Inputs(
            load_balancer_full_name=balancer.load_balancer_full_name,
            target_group_full_name=balancer.target_group_full_name,
            cluster_name=tasks.cluster_name,
            service_name=tasks.service_name,
            log_group_name=tasks.log_group_name,
            gateway_arn=gate.gateway_arn,
            certificate_arn=scope.choose(
                c.CREATES_CERTIFICATE,
                cert.certificate_arn,
                scope.choose(c.HAS_ENDPOINT, scope.parameter(p.CERTIFICATE_ARN), ""),
            ),
            load_balancer_firewall=walls.load_balancer_metric,
            gateway_firewall=walls.gateway_metric,
            nat_gateway_ids=net.nat_gateway_ids,
        ),
    )
    _add_outputs(
        scope,
        {
            "GatewayUrl": ("URL that agents call, signed for bedrock-agentcore.", gate.gateway_url),
            "GatewayId": ("Id of the gateway.", gate.gateway_id),
            "GatewayArn": ("ARN of the gateway.", gate.gateway_arn),
            "GatewayTargetId": ("Id of the gateway's target; empty without a target.", gate.gateway_target_id),
            "GatewayTargetName": ("Name of the target, which leads its tools' names.", serving.TARGET_NAME),
            "CallerPolicyArn": ("Policy to attach to agents that may call the gateway.", gate.caller_policy_arn),
            "EndpointUrl": ("URL of the MCP endpoint; empty without an endpoint.", balancer.endpoint_url),
            "HostName": ("Host name of the runtime; empty without an endpoint.", host),
            "MissingSettings": ("What the runtime still lacks; empty when it is whole.", _missing(scope)),
            "TokenIssuer": ("Issuer of the load balancer's tokens.", tokens.issuer),
            "TokenScope": ("Scope of the load balancer's tokens.", tokens.scope),
            "ClientSecretArn": ("Secret that holds the gateway's client.", tokens.client_secret_arn),
            "Exposure": ("Whether the load balancer is public or private.", scope.parameter(p.EXPOSURE)),
            "LoadBalancerArn": ("ARN of the load balancer.", balancer.load_balancer_arn),
            "LoadBalancerDnsName": (
                "Where a record that is kept elsewhere must point.",
                balancer.load_balancer_dns_name,
            ),
            "TargetGroupArn": ("ARN of the tasks' target group.", balancer.target_group_arn),
            "ClusterName": ("Name of the ECS cluster.", tasks.cluster_name),
            "ServiceName": ("Name of the ECS service.", tasks.service_name),
            "LogGroupName": ("Log group of the server.", tasks.log_group_name),
            "DashboardName": ("CloudWatch dashboard of the runtime.", watch.dashboard_name),
            "AlarmTopicArn": ("Topic that hears every alarm.", watch.alarm_topic_arn),
        },
    )


def _missing(scope: Scope) -> AWSHelperFn:
    return scope.choose(
        c.HAS_ENDPOINT,
        scope.choose(
            c.CONNECTS_GATEWAY,
            "",
            f"The gateway has no target: point the host name to the load balancer, then set {p.GATEWAY_TARGET.name}"
            " to on.",
        ),
        f"The runtime has no endpoint and the gateway no target: set {p.PARENT_DOMAIN.name} and"
        f" {p.HOSTED_ZONE_ID.name}, or {p.HOST_NAME.name} and {p.CERTIFICATE_ARN.name}.",
    )


def _add_outputs(scope: Scope, outputs: dict[str, tuple[str, Value]]) -> None:
    for title, (description, value) in outputs.items():
        scope.template.add_output(Output(title, Description=description, Value=value))

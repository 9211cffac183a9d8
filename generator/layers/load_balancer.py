"""The load balancer: the only way to the tasks, and no further than the token check without a valid token."""

from dataclasses import dataclass

from awacs import s3 as s3_actions
from awacs.aws import Allow, ArnLike, Condition, Principal, SourceArn, Statement
from troposphere import Join, NoValue, Sub, route53, s3, wafv2
from troposphere import elasticloadbalancingv2 as elbv2
from troposphere.validators.route53 import AliasTarget

from generator import conditions as c
from generator import parameters as p
from generator import serving
from generator.buckets import kept_bucket, objects_of, only_tls
from generator.compat import TLS_POLICY, Listener, ListenerAction
from generator.composition import Layer, Scope, Value, after, wire, wire_list
from generator.layers.identity import EMPTY_ISSUER_REFUSED
from generator.layers.network import EMPTY_SUBNETS_REFUSED
from generator.policies import policy, regional_arn

ACCESS_LOG_PREFIX = "load-balancer"
OLD_VERSION_DAYS = 7
"""Days that a log is kept after it was deleted, expired or written over."""
UNMATCHABLE_SOURCE = "127.0.0.1/32"
"""A source address that no packet from a network carries (RFC 1122, 3.2.1.3)."""


@dataclass(frozen=True)
class Inputs:
    """Where the load balancer stands, what name it bears and which tokens it takes."""

    vpc_id: Value = wire("VPC of the runtime.")
    load_balancer_subnet_ids: Value = wire_list("Subnets for the load balancer.")
    load_balancer_security_group_id: Value = wire("Security group of the load balancer.")
    host_name: Value = wire("Host name of the runtime; empty without an endpoint.")
    certificate_arn: Value = wire("ARN of the certificate; empty without an endpoint.")
    issuer: Value = wire("Issuer (iss) of valid tokens.")
    jwks_url: Value = wire("URL of the issuer's public keys.")
    scope: Value = wire("Scope that valid tokens carry.")
    client_id: Value = wire("Id of the gateway's client.")
    load_balancer_web_acl_arn: Value = wire("ARN of the load balancer's web ACL; empty without a firewall.")


@dataclass(frozen=True)
class Outputs:
    """What the service, the gateway and the alarms need of the load balancer."""

    load_balancer_arn: Value = wire("ARN of the load balancer.")
    load_balancer_full_name: Value = wire("Last part of the load balancer's ARN, as metrics name it.")
    load_balancer_dns_name: Value = wire("DNS name of the load balancer, for a record that is kept elsewhere.")
    target_group_arn: Value = wire("ARN of the tasks' target group.")
    target_group_full_name: Value = wire("Last part of the target group's ARN, as metrics name it.")
    endpoint_url: Value = wire("URL of the MCP endpoint; empty without an endpoint.")


def build(scope: Scope, inputs: Inputs) -> Outputs:
    """Adds the load balancer with its listeners, record, access logs and web ACL association.

    With private exposure the load balancer is internal; its name stays a public record, of private addresses. Without
    an endpoint there is no HTTPS listener and the security group admits nobody; the target group is then held
    by a rule that no client can match, since ECS refuses a service whose target group has no load balancer.
    """
    load_balancer = _load_balancer(scope, inputs)
    group = _target_group(scope, inputs)
    https = _https_listener(scope, inputs, load_balancer)
    rule = _forward_rule(scope, inputs, https, _http_listener(scope, load_balancer), group)
    record = _record(scope, inputs, load_balancer)
    scope.add(
        wafv2.WebACLAssociation(
            "LoadBalancerWebAclAssociation",
            ResourceArn=load_balancer.ref(),
            WebACLArn=inputs.load_balancer_web_acl_arn,
        ),
        "Puts the web ACL before the load balancer.",
        c.HAS_FIREWALL,
    )
    return Outputs(
        load_balancer_arn=load_balancer.ref(),
        load_balancer_full_name=load_balancer.get_att("LoadBalancerFullName"),
        load_balancer_dns_name=load_balancer.get_att("DNSName"),
        target_group_arn=after(group.ref(), rule),
        target_group_full_name=group.get_att("TargetGroupFullName"),
        endpoint_url=scope.choose(
            c.HAS_ENDPOINT,
            after(Sub(f"https://${{Host}}{serving.MCP_PATH}", Host=inputs.host_name), rule, record),
            "",
        ),
    )


def _load_balancer(scope: Scope, inputs: Inputs) -> elbv2.LoadBalancer:
    bucket, bucket_policy = _access_logs(scope)
    attributes = {
        "access_logs.s3.enabled": "true",
        "access_logs.s3.bucket": bucket.ref(),
        "access_logs.s3.prefix": ACCESS_LOG_PREFIX,
        "deletion_protection.enabled": scope.choose(c.IS_PROTECTED, "true", "false"),
        "idle_timeout.timeout_seconds": str(serving.IDLE_TIMEOUT_SECONDS),
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "routing.http.desync_mitigation_mode": "defensive",
    }
    return scope.add(
        elbv2.LoadBalancer(
            "LoadBalancer",
            Type="application",
            Scheme=scope.choose(c.IS_PRIVATE, "internal", "internet-facing"),
            IpAddressType="ipv4",
            Subnets=inputs.load_balancer_subnet_ids,
            SecurityGroups=[inputs.load_balancer_security_group_id],
            LoadBalancerAttributes=[
                elbv2.LoadBalancerAttributes(Key=key, Value=value) for key, value in attributes.items()
            ],
            DependsOn=bucket_policy.title,
        ),
        "Spreads the gateway's calls over the tasks of all zones.",
        lint_exceptions=EMPTY_SUBNETS_REFUSED,
    )


def _access_logs(scope: Scope) -> tuple[s3.Bucket, s3.BucketPolicy]:
    bucket = scope.add(
        kept_bucket(
            "AccessLogBucket",
            s3.LifecycleRule(
                Id="expire",
                Status="Enabled",
                ExpirationInDays=scope.setting(p.LOG_RETENTION),
                NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=OLD_VERSION_DAYS),
            ),
            # A rule that expires objects may not clear delete markers too.
            s3.LifecycleRule(Id="expire-markers", Status="Enabled", ExpiredObjectDeleteMarker=True),
            VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
        ),
        "Access logs of the load balancer; kept when the stack is deleted.",
    )
    bucket_policy = scope.add(
        s3.BucketPolicy(
            "AccessLogBucketPolicy",
            Bucket=bucket.ref(),
            PolicyDocument=policy(
                Statement(
                    Sid="DeliverLogs",
                    Effect=Allow,
                    Principal=Principal("Service", "logdelivery.elasticloadbalancing.amazonaws.com"),
                    Action=[s3_actions.PutObject],
                    Resource=[objects_of(bucket, f"{ACCESS_LOG_PREFIX}/AWSLogs/${{AWS::AccountId}}/")],
                    Condition=Condition([ArnLike(SourceArn, regional_arn("elasticloadbalancing", "loadbalancer/*"))]),
                ),
                only_tls(bucket),
            ),
        ),
        "Lets this account's load balancers write their logs, and nobody read them without TLS.",
    )
    return bucket, bucket_policy


def _target_group(scope: Scope, inputs: Inputs) -> elbv2.TargetGroup:
    """The tasks' target group, which is replaced whenever the load balancer is.

    Another scheme replaces a load balancer, and the new one stands before the old one goes, but a target group has one
    load balancer alone (`TargetGroupAssociationLimit`, Elastic Load Balancing API reference;
    cloudformation-coverage-roadmap#780). A name for one of the two exposures makes CloudFormation replace it too.
    """
    attributes = {
        "deregistration_delay.timeout_seconds": str(serving.DEREGISTRATION_DELAY_SECONDS),
        "load_balancing.algorithm.type": "least_outstanding_requests",
    }
    return scope.add(
        elbv2.TargetGroup(
            "TargetGroup",
            Name=scope.choose(c.IS_PRIVATE, Join("-", ["private", scope.suffix]), NoValue),
            VpcId=inputs.vpc_id,
            TargetType="ip",
            Protocol="HTTP",
            Port=serving.CONTAINER_PORT,
            HealthCheckProtocol="HTTP",
            HealthCheckPath=serving.READINESS_PATH,
            HealthCheckIntervalSeconds=10,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=3,
            Matcher=elbv2.Matcher(HttpCode="200"),
            TargetGroupAttributes=[
                elbv2.TargetGroupAttribute(Key=key, Value=value) for key, value in attributes.items()
            ],
        ),
        "The tasks that are ready to serve.",
    )


def _token_check(
    scope: Scope, inputs: Inputs, action: type[ListenerAction] | type[elbv2.ListenerRuleAction]
) -> ListenerAction | elbv2.ListenerRuleAction:
    claims = [
        elbv2.JwtValidationActionAdditionalClaim(
            Name=scope.choose(c.CREATES_ISSUER, p.CLAIM.default, scope.parameter(p.CLAIM)),
            Format=scope.choose(c.CREATES_ISSUER, p.CLAIM_FORMAT.default, scope.parameter(p.CLAIM_FORMAT)),
            Values=[scope.choose(c.HAS_CLAIM_VALUE, scope.parameter(p.CLAIM_VALUE), inputs.scope)],
        ),
        scope.choose(
            c.CREATES_ISSUER,
            elbv2.JwtValidationActionAdditionalClaim(
                Name="client_id", Format="single-string", Values=[inputs.client_id]
            ),
            NoValue,
        ),
    ]
    return action(
        Type="jwt-validation",
        Order=1,
        JwtValidationConfig=elbv2.JwtValidationConfig(
            Issuer=inputs.issuer, JwksEndpoint=inputs.jwks_url, AdditionalClaims=claims
        ),
    )


def _https_listener(scope: Scope, inputs: Inputs, load_balancer: elbv2.LoadBalancer) -> Listener:
    return scope.add(
        Listener(
            "HttpsListener",
            LoadBalancerArn=load_balancer.ref(),
            Port=443,
            Protocol="HTTPS",
            SslPolicy=TLS_POLICY,
            Certificates=[elbv2.Certificate(CertificateArn=inputs.certificate_arn)],
            DefaultActions=[
                _token_check(scope, inputs, ListenerAction),
                ListenerAction(Type="fixed-response", Order=2, FixedResponseConfig=_not_found()),
            ],
            ListenerAttributes=[
                elbv2.ListenerAttribute(Key="routing.http.response.server.enabled", Value="false"),
                elbv2.ListenerAttribute(
                    Key="routing.http.response.strict_transport_security.header_value", Value="max-age=31536000"
                ),
            ],
        ),
        "Answers HTTPS under the runtime's name, and every request only after its token is found valid.",
        c.HAS_ENDPOINT,
        EMPTY_ISSUER_REFUSED,
    )


def _http_listener(scope: Scope, load_balancer: elbv2.LoadBalancer) -> Listener:
    return scope.add(
        Listener(
            "HttpListener",
            LoadBalancerArn=load_balancer.ref(),
            Port=80,
            Protocol="HTTP",
            DefaultActions=[
                scope.choose(
                    c.HAS_ENDPOINT,
                    ListenerAction(
                        Type="redirect",
                        RedirectConfig=elbv2.RedirectConfig(Protocol="HTTPS", Port="443", StatusCode="HTTP_301"),
                    ),
                    ListenerAction(Type="fixed-response", FixedResponseConfig=_not_found()),
                )
            ],
        ),
        "Redirects plain HTTP to HTTPS, once there is an endpoint.",
    )


def _not_found() -> elbv2.FixedResponseConfig:
    return elbv2.FixedResponseConfig(StatusCode="404", ContentType="text/plain", MessageBody="Not found")


def _forward_rule(
    scope: Scope, inputs: Inputs, https: Listener, http: Listener, group: elbv2.TargetGroup
) -> elbv2.ListenerRule:
    return scope.add(
        elbv2.ListenerRule(
            "ForwardRule",
            ListenerArn=scope.choose(c.HAS_ENDPOINT, https.ref(), http.ref()),
            Priority=1,
            Conditions=scope.choose(
                c.HAS_ENDPOINT,
                [
                    elbv2.Condition(
                        Field="host-header", HostHeaderConfig=elbv2.HostHeaderConfig(Values=[inputs.host_name])
                    ),
                    elbv2.Condition(
                        Field="path-pattern",
                        PathPatternConfig=elbv2.PathPatternConfig(Values=[serving.MCP_PATH, f"{serving.MCP_PATH}/"]),
                    ),
                ],
                [elbv2.Condition(Field="source-ip", SourceIpConfig=elbv2.SourceIpConfig(Values=[UNMATCHABLE_SOURCE]))],
            ),
            Actions=scope.choose(
                c.HAS_ENDPOINT,
                [
                    _token_check(scope, inputs, elbv2.ListenerRuleAction),
                    elbv2.ListenerRuleAction(Type="forward", Order=2, TargetGroupArn=group.ref()),
                ],
                [elbv2.ListenerRuleAction(Type="forward", TargetGroupArn=group.ref())],
            ),
        ),
        "Forwards MCP calls with a valid token to the tasks; without an endpoint it only holds the target group, under"
        " a source address that no client can have.",
    )


def _record(scope: Scope, inputs: Inputs, load_balancer: elbv2.LoadBalancer) -> route53.RecordSetType:
    return scope.add(
        route53.RecordSetType(
            "AliasRecord",
            HostedZoneId=scope.parameter(p.HOSTED_ZONE_ID),
            Name=inputs.host_name,
            Type="A",
            AliasTarget=AliasTarget(
                HostedZoneId=load_balancer.get_att("CanonicalHostedZoneID"),
                DNSName=load_balancer.get_att("DNSName"),
                EvaluateTargetHealth=False,
            ),
        ),
        "Points the runtime's host name to the load balancer.",
        c.CREATES_RECORD,
    )


LAYER = Layer("LoadBalancer", "Load balancer of the MCP runtime.", 20, Outputs, build)

"""Which resource types are billed, by which meter, and which are free, and why. Every type of the templates is one or
the other; a test says so.
"""

from typing import Final

from generator.cost import network_meters as network
from generator.cost import operations_meters as operations
from generator.cost import runtime_meters as runtime
from generator.cost.metering import Meter

METERS: Final[dict[str, Meter]] = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": operations.scaling_policy,
    "AWS::BedrockAgentCore::Gateway": runtime.gateway,
    "AWS::BedrockAgentCore::GatewayTarget": runtime.gateway_target,
    "AWS::BedrockAgentCore::OAuth2CredentialProvider": runtime.credential_provider,
    "AWS::BedrockAgentCore::PolicyEngine": runtime.policy_engine,
    "AWS::CloudWatch::Alarm": operations.alarm,
    "AWS::CloudWatch::CompositeAlarm": operations.composite_alarm,
    "AWS::CloudWatch::Dashboard": operations.dashboard,
    "AWS::CodeBuild::Project": operations.build_project,
    "AWS::Cognito::UserPoolClient": runtime.token_client,
    "AWS::EC2::EIP": network.address,
    "AWS::EC2::NatGateway": network.nat_gateway,
    "AWS::EC2::VPCEndpoint": network.endpoint,
    "AWS::ECR::ReplicationConfiguration": operations.replication,
    "AWS::ECR::Repository": operations.repository,
    "AWS::ECS::Cluster": operations.cluster,
    "AWS::ECS::Service": runtime.service,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": network.load_balancer,
    "AWS::Logs::LogGroup": operations.log_group,
    "AWS::Logs::MetricFilter": operations.metric_filter,
    "AWS::S3::Bucket": operations.bucket,
    "AWS::SNS::Subscription": operations.subscription,
    "AWS::SecretsManager::Secret": runtime.secret,
    "AWS::WAFv2::WebACL": runtime.web_acl,
}

_PERMISSION: Final = "IAM is free"
_CATALOG: Final = (
    "Service Catalog is billed by its API's calls, which publishing and launching make, not by what stands"
)
_VPC: Final = "part of a VPC, which is free but for what is metered by itself"
_WITH_THE_GATEWAY: Final = "billed with the gateway's requests"
_WITH_THE_LOAD_BALANCER: Final = "billed with the load balancer's capacity units"

FREE: Final[dict[str, str]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "Application Auto Scaling is free; its alarms are metered",
    "AWS::BedrockAgentCore::GatewayRateLimit": _WITH_THE_GATEWAY,
    "AWS::BedrockAgentCore::Policy": "billed with the policy engine's decisions",
    "AWS::BedrockAgentCore::ResourcePolicy": _WITH_THE_GATEWAY,
    "AWS::CertificateManager::Certificate": "public certificates for load balancers are free",
    "AWS::CloudFormation::Stack": "CloudFormation is free for AWS's own resource types",
    "AWS::Cognito::UserPool": "billed by its users, of whom there are none; tokens of clients are metered",
    "AWS::Cognito::UserPoolDomain": "a domain of Amazon Cognito's own is free",
    "AWS::Cognito::UserPoolResourceServer": "part of the user pool",
    "AWS::EC2::FlowLog": "billed with the log group that it writes to",
    "AWS::EC2::InternetGateway": _VPC,
    "AWS::EC2::Route": _VPC,
    "AWS::EC2::RouteTable": _VPC,
    "AWS::EC2::SecurityGroup": _VPC,
    "AWS::EC2::SecurityGroupEgress": _VPC,
    "AWS::EC2::SecurityGroupIngress": _VPC,
    "AWS::EC2::Subnet": _VPC,
    "AWS::EC2::SubnetRouteTableAssociation": _VPC,
    "AWS::EC2::VPC": _VPC,
    "AWS::EC2::VPCGatewayAttachment": _VPC,
    "AWS::ECR::RepositoryCreationTemplate": "billed with the images that repositories hold",
    "AWS::ECS::ClusterCapacityProviderAssociations": "part of the cluster",
    "AWS::ECS::TaskDefinition": "billed with the tasks that run",
    "AWS::ElasticLoadBalancingV2::Listener": _WITH_THE_LOAD_BALANCER,
    "AWS::ElasticLoadBalancingV2::ListenerRule": _WITH_THE_LOAD_BALANCER,
    "AWS::ElasticLoadBalancingV2::TargetGroup": _WITH_THE_LOAD_BALANCER,
    "AWS::IAM::ManagedPolicy": _PERMISSION,
    "AWS::IAM::Role": _PERMISSION,
    "AWS::Route53::RecordSet": "queries of alias records that lead to a load balancer are free",
    "AWS::S3::BucketPolicy": "part of the bucket",
    "AWS::SNS::Topic": "a month's first million requests are free; e-mails are metered",
    "AWS::SNS::TopicPolicy": "part of the topic",
    "AWS::ServiceCatalog::CloudFormationProduct": _CATALOG,
    "AWS::ServiceCatalog::LaunchRoleConstraint": _CATALOG,
    "AWS::ServiceCatalog::LaunchTemplateConstraint": _CATALOG,
    "AWS::ServiceCatalog::Portfolio": _CATALOG,
    "AWS::ServiceCatalog::PortfolioPrincipalAssociation": _CATALOG,
    "AWS::ServiceCatalog::PortfolioProductAssociation": _CATALOG,
    "AWS::ServiceCatalog::PortfolioShare": _CATALOG,
    "AWS::ServiceCatalog::StackSetConstraint": _CATALOG,
    "AWS::ServiceCatalog::TagOption": _CATALOG,
    "AWS::ServiceCatalog::TagOptionAssociation": _CATALOG,
    "AWS::WAFv2::LoggingConfiguration": "billed with the log group that it writes to",
    "AWS::WAFv2::WebACLAssociation": "part of the web ACL",
}

LEFT_OUT: Final = (
    "data transfer between Availability Zones and Regions",
    "what the tools themselves fetch, send and use in AWS",
    "requests to S3, Secrets Manager, KMS and the CloudWatch API, and queries of logs",
    "the hosted zone, which was there before, and keys of your own",
    "taxes, support plans, Savings Plans and private prices",
)
"""What the figures do not hold."""

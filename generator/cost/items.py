"""What AWS bills, item by item: in which unit, how much of it is free, and where the Price List names it.

Units and free allowances are those of the services' pricing pages. `PriceListKey` names a product as the Price List API
does (`GetProducts`, pricing service model): the usage type is given without the prefix that most Regions put before it,
such as `EUC1-`. Items without a key are those whose usage type is not established, or that the Price List does not have
(Fargate Spot, whose price floats): a refresh leaves them as they are and says so.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class PriceListKey:
    """A product of the Price List: its service code, its usage type, and its operation where one type has several."""

    service: str
    usage_type: str
    operation: str = ""


@dataclass(frozen=True)
class Item:
    """One thing that AWS bills.

    A price is for `per` units. `free` units a month are an account's own, over all Regions. `worldwide` items cost the
    same in every Region and stand in the table under us-east-1.
    """

    name: str
    unit: str
    per: int = 1
    free: float = 0
    worldwide: bool = False
    key: PriceListKey | None = None


NAT_HOUR: Final = Item("nat-gateway", "hour", key=PriceListKey("AmazonEC2", "NatGateway-Hours"))
NAT_GB: Final = Item("nat-gateway-data", "GB", key=PriceListKey("AmazonEC2", "NatGateway-Bytes"))
IPV4_HOUR: Final = Item("public-ipv4", "hour", key=PriceListKey("AmazonVPC", "PublicIPv4:InUseAddress"))
ALB_HOUR: Final = Item(
    "load-balancer", "hour", key=PriceListKey("AWSELB", "LoadBalancerUsage", "LoadBalancing:Application")
)
LCU_HOUR: Final = Item(
    "load-balancer-capacity", "LCU-hour", key=PriceListKey("AWSELB", "LCUUsage", "LoadBalancing:Application")
)
VCPU_HOUR: Final = Item("fargate-vcpu", "vCPU-hour", key=PriceListKey("AmazonECS", "Fargate-vCPU-Hours:perCPU"))
MEMORY_HOUR: Final = Item("fargate-memory", "GB-hour", key=PriceListKey("AmazonECS", "Fargate-GB-Hours"))
ARM_VCPU_HOUR: Final = Item(
    "fargate-arm-vcpu", "vCPU-hour", key=PriceListKey("AmazonECS", "Fargate-ARM-vCPU-Hours:perCPU")
)
ARM_MEMORY_HOUR: Final = Item("fargate-arm-memory", "GB-hour", key=PriceListKey("AmazonECS", "Fargate-ARM-GB-Hours"))
SPOT_VCPU_HOUR: Final = Item("fargate-spot-vcpu", "vCPU-hour")
SPOT_MEMORY_HOUR: Final = Item("fargate-spot-memory", "GB-hour")
SPOT_ARM_VCPU_HOUR: Final = Item("fargate-spot-arm-vcpu", "vCPU-hour")
SPOT_ARM_MEMORY_HOUR: Final = Item("fargate-spot-arm-memory", "GB-hour")
EPHEMERAL_HOUR: Final = Item(
    "fargate-storage", "GB-hour", key=PriceListKey("AmazonECS", "Fargate-EphemeralStorage-GB-Hours")
)
ENDPOINT_HOUR: Final = Item("interface-endpoint", "hour", key=PriceListKey("AmazonVPC", "VpcEndpoint-Hours"))
ENDPOINT_GB: Final = Item("interface-endpoint-data", "GB", key=PriceListKey("AmazonVPC", "VpcEndpoint-Bytes"))
INTERNET_GB: Final = Item("internet-egress", "GB", free=100)
LOG_GB: Final = Item("log-ingestion", "GB", free=5, key=PriceListKey("AmazonCloudWatch", "DataProcessing-Bytes"))
VENDED_LOG_GB: Final = Item("vended-log-ingestion", "GB", key=PriceListKey("AmazonCloudWatch", "VendedLog-Bytes"))
LOG_STORAGE: Final = Item("log-storage", "GB-month", key=PriceListKey("AmazonCloudWatch", "TimedStorage-ByteHrs"))
ALARM_METRIC: Final = Item(
    "alarm-metric", "metric-month", free=10, key=PriceListKey("AmazonCloudWatch", "CW:AlarmMonitorUsage")
)
COMPOSITE_ALARM: Final = Item("composite-alarm", "alarm-month")
METRIC: Final = Item(
    "custom-metric", "metric-month", free=10, key=PriceListKey("AmazonCloudWatch", "CW:MetricMonitorUsage")
)
INSIGHTS_METRIC: Final = Item("container-insights-metric", "metric-month")
DASHBOARD: Final = Item("dashboard", "dashboard-month", free=3, worldwide=True)
WEB_ACL: Final = Item("web-acl", "web ACL-month", key=PriceListKey("awswaf", "WebACLV2"))
WEB_ACL_RULE: Final = Item("web-acl-rule", "rule-month", key=PriceListKey("awswaf", "RuleV2"))
WEB_ACL_REQUESTS: Final = Item("web-acl-requests", "requests", per=1_000_000)
INVOCATIONS: Final = Item("gateway-invocations", "requests", per=1_000)
SEARCHES: Final = Item("gateway-searches", "requests", per=1_000)
TOOL_INDEX: Final = Item("gateway-tool-index", "tool-months", per=100)
GATEWAY_VPC_GB: Final = Item("gateway-vpc-egress", "GB")
AUTHORIZATIONS: Final = Item("policy-authorizations", "requests", per=1_000_000)
TOKEN_REQUESTS: Final = Item(
    "token-requests", "requests", per=1_000, key=PriceListKey("AmazonCognito", "CUPM2MTokenRequestsFull")
)
SECRET: Final = Item("secret", "secret-month", key=PriceListKey("AWSSecretsManager", "AWSSecretsManager-Secrets"))
S3_GB: Final = Item("object-storage", "GB-month", key=PriceListKey("AmazonS3", "TimedStorage-ByteHrs"))
IMAGE_GB: Final = Item("image-storage", "GB-month", key=PriceListKey("AmazonECR", "TimedStorage-ByteHrs"))
BUILD_MINUTE: Final = Item(
    "build-minute", "minute", free=100, key=PriceListKey("CodeBuild", "Build-Min:Linux:g1.small")
)
EMAIL: Final = Item("e-mail", "messages", per=100_000, free=1_000)

ITEMS: Final[dict[str, Item]] = {item.name: item for item in list(globals().values()) if isinstance(item, Item)}
"""Every item by its name."""

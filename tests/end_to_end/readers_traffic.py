"""Readers of what stands before the tasks: certificate, record, load balancer, its logs and the firewall."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from tests.end_to_end.read_back import Account, Reader, Reading
from tests.end_to_end.shapes import chosen

Wanted = Mapping[str, Any]


def certificate(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::CertificateManager::Certificate."""
    found = account.client("acm").describe_certificate(CertificateArn=physical_id)["Certificate"]
    options = found["DomainValidationOptions"]
    (method,) = {option["ValidationMethod"] for option in options}
    return Reading(
        {
            "DomainName": found["DomainName"],
            "DomainValidationOptions": [chosen(option, "DomainName", "ValidationDomain") for option in options],
            "ValidationMethod": method,
        }
    )


def record(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::Route53::RecordSet in the wanted zone; names end without their dot."""
    route53 = account.client("route53")
    zone = route53.get_hosted_zone(Id=wanted["HostedZoneId"])["HostedZone"]
    answer = route53.list_resource_record_sets(
        HostedZoneId=wanted["HostedZoneId"],
        StartRecordName=physical_id,
        StartRecordType=wanted["Type"],
        MaxItems="1",
    )
    (found,) = answer["ResourceRecordSets"]
    target = found["AliasTarget"]
    return Reading(
        {
            "AliasTarget": {**target, "DNSName": target["DNSName"].removesuffix(".")},
            "HostedZoneId": zone["Id"].removeprefix("/hostedzone/"),
            "Name": found["Name"].removesuffix("."),
            "Type": found["Type"],
        }
    )


def bucket(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::S3::Bucket."""
    s3 = account.client("s3")
    encryption = s3.get_bucket_encryption(Bucket=physical_id)["ServerSideEncryptionConfiguration"]["Rules"]
    public = s3.get_public_access_block(Bucket=physical_id)
    ownership = s3.get_bucket_ownership_controls(Bucket=physical_id)
    return Reading(
        {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": rule["ApplyServerSideEncryptionByDefault"]} for rule in encryption
                ]
            },
            "VersioningConfiguration": {"Status": s3.get_bucket_versioning(Bucket=physical_id).get("Status")},
            "LifecycleConfiguration": {"Rules": [_lifecycle(rule) for rule in _lifecycle_rules(s3, physical_id)]},
            **chosen(public, "PublicAccessBlockConfiguration"),
            **chosen(ownership, "OwnershipControls"),
        },
        {"Arn": f"arn:aws:s3:::{physical_id}"},
    )


def _lifecycle_rules(s3: Any, name: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
            return []
        raise
    return found


def _lifecycle(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Id": rule["ID"],
        "Status": rule["Status"],
        "ExpirationInDays": rule.get("Expiration", {}).get("Days"),
        "ExpiredObjectDeleteMarker": rule.get("Expiration", {}).get("ExpiredObjectDeleteMarker"),
        "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration"),
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
    }


def bucket_policy(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::S3::BucketPolicy of the wanted bucket, which answers with it."""
    policy = account.client("s3").get_bucket_policy(Bucket=wanted["Bucket"])["Policy"]
    return Reading({"Bucket": wanted["Bucket"], "PolicyDocument": json.loads(policy)})


def load_balancer(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::ElasticLoadBalancingV2::LoadBalancer."""
    elbv2 = account.client("elbv2")
    (found,) = elbv2.describe_load_balancers(LoadBalancerArns=[physical_id])["LoadBalancers"]
    attributes = elbv2.describe_load_balancer_attributes(LoadBalancerArn=physical_id)["Attributes"]
    return Reading(
        {
            "LoadBalancerAttributes": attributes,
            "Name": found["LoadBalancerName"],
            "Subnets": [zone["SubnetId"] for zone in found["AvailabilityZones"]],
            **chosen(found, "IpAddressType", "Scheme", "SecurityGroups", "Type"),
        },
        {
            "CanonicalHostedZoneID": found["CanonicalHostedZoneId"],
            "DNSName": found["DNSName"],
            "LoadBalancerFullName": physical_id.partition(":loadbalancer/")[2],
        },
    )


def target_group(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::ElasticLoadBalancingV2::TargetGroup."""
    elbv2 = account.client("elbv2")
    (found,) = elbv2.describe_target_groups(TargetGroupArns=[physical_id])["TargetGroups"]
    attributes = elbv2.describe_target_group_attributes(TargetGroupArn=physical_id)["Attributes"]
    return Reading(
        {**found, "Name": found["TargetGroupName"], "TargetGroupAttributes": attributes},
        {"TargetGroupFullName": physical_id.rpartition(":")[2]},
    )


def listener(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::ElasticLoadBalancingV2::Listener."""
    elbv2 = account.client("elbv2")
    (found,) = elbv2.describe_listeners(ListenerArns=[physical_id])["Listeners"]
    attributes = elbv2.describe_listener_attributes(ListenerArn=physical_id)["Attributes"]
    return Reading({**found, "ListenerAttributes": attributes})


def listener_rule(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::ElasticLoadBalancingV2::ListenerRule among the rules of the wanted listener."""
    answer = account.client("elbv2").describe_rules(ListenerArn=wanted["ListenerArn"])
    (found,) = [rule for rule in answer["Rules"] if rule["RuleArn"] == physical_id]
    return Reading({"ListenerArn": wanted["ListenerArn"], **chosen(found, "Actions", "Conditions", "Priority")})


def web_acl(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::WAFv2::WebACL, whose physical id is `<name>|<id>|<scope>`."""
    name, identifier, scope = physical_id.split("|")
    found = account.client("wafv2").get_web_acl(Name=name, Id=identifier, Scope=scope)["WebACL"]
    names = ("DataProtectionConfig", "DefaultAction", "Description", "Rules", "VisibilityConfig")
    return Reading(
        {"Scope": scope, **chosen(_text(found), *names)},
        {"Arn": found["ARN"]},
    )


def _text(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_text(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def web_acl_association(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::WAFv2::WebACLAssociation: the web ACL that stands before the wanted resource."""
    found = account.client("wafv2").get_web_acl_for_resource(ResourceArn=wanted["ResourceArn"])
    return Reading({"ResourceArn": wanted["ResourceArn"], "WebACLArn": found.get("WebACL", {}).get("ARN")})


def web_acl_logging(account: Account, physical_id: str, wanted: Wanted) -> Reading:
    """Reads AWS::WAFv2::LoggingConfiguration of the wanted web ACL."""
    answer = account.client("wafv2").get_logging_configuration(ResourceArn=wanted["ResourceArn"])
    return Reading(answer["LoggingConfiguration"])


READERS: Mapping[str, Reader] = {
    "AWS::CertificateManager::Certificate": certificate,
    "AWS::ElasticLoadBalancingV2::Listener": listener,
    "AWS::ElasticLoadBalancingV2::ListenerRule": listener_rule,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": load_balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": target_group,
    "AWS::Route53::RecordSet": record,
    "AWS::S3::Bucket": bucket,
    "AWS::S3::BucketPolicy": bucket_policy,
    "AWS::WAFv2::LoggingConfiguration": web_acl_logging,
    "AWS::WAFv2::WebACL": web_acl,
    "AWS::WAFv2::WebACLAssociation": web_acl_association,
}

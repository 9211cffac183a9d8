"""The wire reads what botocore sends and answers what botocore takes for the service's own refusal."""

import urllib.parse
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.faults import answers
from tests.faults.calls import Call, read
from tests.faults.faults import ANYWHERE, Fault, Point, Sequence

ACCOUNT, REGION = "111111111111", "eu-west-1"
GATEWAY = {"gatewayIdentifier": "gateway-0123456789", "targetId": "TARGET0001"}
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("sts", "GetCallerIdentity", {}),
    ("cloudformation", "DescribeStackSet", {"StackSetName": "one"}),
    ("ec2", "DescribeVpcs", {}),
    ("ecr", "DescribeImages", {"repositoryName": "one"}),
    ("ecs", "ListClusters", {}),
    ("elbv2", "DescribeLoadBalancers", {}),
    ("secretsmanager", "GetSecretValue", {"SecretId": "one"}),
    ("cloudwatch", "DescribeAlarms", {}),
    ("route53", "ListHostedZones", {}),
    ("route53", "CreateHostedZone", {"Name": "example.com", "CallerReference": "one"}),
    ("route53", "ListResourceRecordSets", {"HostedZoneId": "Z1"}),
    ("bedrock-agentcore-control", "GetGatewayTarget", GATEWAY),
    ("bedrock-agentcore-control", "DeleteGatewayTarget", GATEWAY),
    (
        "bedrock-agentcore-control",
        "SynchronizeGatewayTargets",
        {"gatewayIdentifier": "gateway-0123456789", "targetIdList": ["TARGET0001"]},
    ),
    ("s3", "ListBuckets", {}),
    ("s3", "PutObject", {"Bucket": "one", "Key": "a/b", "Body": b"text"}),
    ("s3", "GetObject", {"Bucket": "one", "Key": "a/b"}),
    ("s3", "HeadObject", {"Bucket": "one", "Key": "a/b"}),
]


class Heard:
    """A client's transport that answers each request by `answer` and keeps the call that it read."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.calls: list[Call] = []

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        split = urllib.parse.urlsplit(request.url)
        path = split.path + (f"?{split.query}" if split.query else "")
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
        call = read(request.method, path, headers, body)
        assert call is not None
        self.calls.append(call)
        given = self.answer(call)
        return AWSResponse(request.url, given.status, given.headers, _Raw(given.body))


class _Raw(BytesIO):
    def stream(self) -> Any:
        yield self.read()


def code_of(service: str, operation: str, arguments: dict[str, Any], heard: Heard) -> str:
    """Returns the error's code with which botocore's client ends."""
    client = boto3.client(
        service,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    client.meta.events.register("before-send", heard)
    method = next(name for name, value in client.meta.method_to_api_mapping.items() if value == operation)
    with pytest.raises(ClientError) as caught:
        getattr(client, method)(**arguments)
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize(("service", "operation", "arguments"), REQUESTS)
def test_requests_are_read_and_refusals_understood(service: str, operation: str, arguments: dict[str, Any]) -> None:
    bodiless = operation.startswith("Head")
    for answer, codes in (
        (answers.throttled, {"Throttling", "ThrottlingException", "SlowDown"} if not bodiless else {"503"}),
        (answers.broken, {"InternalFailure", "InternalServerException", "InternalError"} if not bodiless else {"500"}),
        (answers.expired, {"ExpiredToken", "ExpiredTokenException"} if not bodiless else {"400"}),
    ):
        heard = Heard(answer)
        assert code_of(service, operation, arguments, heard) in codes
        # Where S3 refuses, botocore asks for the bucket's Region next.
        call = heard.calls[0]
        assert (call.service, call.operation, call.account) == (service, operation, ACCOUNT)
        assert call.region == ("us-east-1" if service == "route53" else REGION)


def test_polls_are_one_point_and_a_change_begins_new_ones() -> None:
    def call(operation: str) -> Call:
        return Call("cloudformation", operation, ACCOUNT, REGION, "query", "POST")

    sequence = Sequence()
    for operation in ("DescribeStacks", "DescribeStacks", "CreateStack", "DescribeStacks", "DescribeStacks"):
        sequence.add(call(operation))
    assert sequence.points == [
        Point("cloudformation:DescribeStacks"),
        Point("cloudformation:CreateStack"),
        Point("cloudformation:DescribeStacks", "cloudformation:CreateStack"),
    ]
    assert len(sequence.calls) == 5


def test_where_nothing_is_changed_it_does_not_matter_whether_a_call_was_executed() -> None:
    reading, changing = Point("ecr:DescribeImages", ANYWHERE), Point("ecr:PutImage", ANYWHERE)
    assert {fault for fault in Fault if not fault.differs(reading)} == {
        Fault.BROKEN_AFTER,
        Fault.RESET_AFTER,
        Fault.KILLED_AFTER,
    }
    assert all(fault.differs(changing) for fault in Fault)

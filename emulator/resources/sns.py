"""AWS::SNS::Topic, Subscription and TopicPolicy, with what Amazon SNS refuses of them.

Refusals: CreateTopic, Subscribe and SetTopicAttributes in the Amazon SNS API reference.
"""

import re
from collections.abc import Mapping

from botocore.exceptions import ClientError

from emulator import bridge, policy_documents
from emulator.checked import Checked
from emulator.handlers import Created, HandlerFailed, Properties, ResourceHandler

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}(\.fifo)?")
_ENDPOINTS = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "email-json": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "http": re.compile(r"http://.+"),
    "https": re.compile(r"https://.+"),
    "lambda": re.compile(r"arn:aws[a-z-]*:lambda:.+"),
    "sqs": re.compile(r"arn:aws[a-z-]*:sqs:.+"),
    "sms": re.compile(r"\+?[0-9-]+"),
    "firehose": re.compile(r"arn:aws[a-z-]*:firehose:.+"),
    "application": re.compile(r"arn:aws[a-z-]*:sns:.+"),
}


def _refused(message: str, code: str = "InvalidRequest") -> HandlerFailed:
    name = {"NotFound": "NotFound", "AlreadyExists": "AlreadyExists"}.get(code, "InvalidParameter")
    return HandlerFailed(f"{message} (Service: Sns, Status Code: 400, Error Code: {name})", code)


def _topic_exists(arn: str) -> bool:
    try:
        bridge.client("sns").get_topic_attributes(TopicArn=arn)
    except ClientError:
        return False
    return True


class TopicHandler(Checked):
    """Ref is the topic's ARN."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a name that is none or taken."""
        name = str(props.get("TopicName") or "")
        if not name:
            return
        if not _NAME.fullmatch(name):
            raise _refused("Invalid parameter: Topic Name")
        account, region = bridge.current_scope()
        arn = f"arn:aws:sns:{region}:{account}:{name}"
        if arn != own_id and _topic_exists(arn):
            raise _refused(f"Topic already exists with name {name}", "AlreadyExists")

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the topic. Raises ValueError when it is refused."""
        made = super().create(logical_id, props, stack_name)
        _encrypt(made[0], props)
        return made

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Created:
        """Change the topic. Raises ValueError when it is refused."""
        made = super().update(physical_id, old, new, stack_name, logical_id)
        _encrypt(made[0], new)
        return made


def _encrypt(topic: str, props: Properties) -> None:
    """Set the topic's key, which ministack's own handler leaves out."""
    client, key = bridge.client("sns"), str(props.get("KmsMasterKeyId") or "")
    if key != client.get_topic_attributes(TopicArn=topic)["Attributes"].get("KmsMasterKeyId", ""):
        client.set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue=key)


class SubscriptionHandler(Checked):
    """Ref is the subscription's ARN."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for a topic that does not exist, an unknown protocol and an endpoint that is not of it."""
        protocol, endpoint = str(props.get("Protocol", "")), str(props.get("Endpoint", ""))
        if protocol not in _ENDPOINTS:
            raise _refused(f"Invalid parameter: Does not support this protocol string: {protocol}")
        if not _ENDPOINTS[protocol].fullmatch(endpoint):
            raise _refused(f"Invalid parameter: {protocol} endpoint")
        if not _topic_exists(str(props.get("TopicArn", ""))):
            raise _refused("Topic does not exist", "NotFound")


class TopicPolicyHandler(Checked):
    """Ref is an id of its own."""

    def check(self, props: Properties, own_id: str) -> None:
        """Raise ValueError for topics that do not exist and a document that is none."""
        topics = [str(arn) for arn in props.get("Topics") or ()]
        for arn in topics:
            if not _topic_exists(arn):
                raise _refused("Topic does not exist", "NotFound")
        try:
            policy_documents.check_resource(props.get("PolicyDocument"), *topics)
        except ValueError as refused:
            raise _refused(f"Invalid parameter: Policy Error: {refused}") from refused


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::SNS::Subscription": SubscriptionHandler("AWS::SNS::Subscription"),
    "AWS::SNS::Topic": TopicHandler("AWS::SNS::Topic"),
    "AWS::SNS::TopicPolicy": TopicPolicyHandler("AWS::SNS::TopicPolicy"),
}

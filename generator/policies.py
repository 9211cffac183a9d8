"""The policy documents that more than one layer needs, and the ARNs in them, built from awacs objects."""

import json
from collections.abc import Sequence

from awacs.aws import (
    Action,
    Allow,
    ArnLike,
    Condition,
    PolicyDocument,
    Principal,
    SourceAccount,
    SourceArn,
    Statement,
    StringEquals,
)
from awacs.sts import AssumeRole
from troposphere import AWSHelperFn, Ref, Sub, encode_to_dict

VERSION = "2012-10-17"


def policy(*statements: Statement) -> PolicyDocument:
    """Returns a policy document of the current language version."""
    return PolicyDocument(Version=VERSION, Statement=list(statements))


def allow(actions: Sequence[Action], resources: Sequence[str | AWSHelperFn], sid: str) -> Statement:
    """Returns a statement that allows `actions` on `resources`."""
    return Statement(Sid=sid, Effect=Allow, Action=list(actions), Resource=list(resources))


def trust(service: str, source_arn: str | AWSHelperFn) -> PolicyDocument:
    """Returns the trust policy that lets an AWS service assume a role for resources of this account alone.

    `service` is the service principal; `source_arn` a pattern for the resource on whose behalf it acts, which together
    with the account keeps another customer from using the service as a confused deputy.
    """
    return policy(
        Statement(
            Effect=Allow,
            Principal=Principal("Service", service),
            Action=[AssumeRole],
            Condition=Condition(
                [
                    StringEquals(SourceAccount, Ref("AWS::AccountId")),
                    ArnLike(SourceArn, source_arn),
                ]
            ),
        )
    )


def regional_arn(service: str, resource: str, **values: str | AWSHelperFn) -> Sub:
    """Returns the ARN of a resource of this account and Region; `resource` may use `${…}` of `values`."""
    text = f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"
    return Sub(text, dict(values)) if values else Sub(text)


def policy_text(document: PolicyDocument, values: dict[str, str | AWSHelperFn]) -> Sub:
    """Returns a policy as JSON text, for a property that takes no document; `${…}` of `values` are filled in.

    A list fills `["${Name}"]` where its value joins the items with `","`.
    """
    return Sub(json.dumps(encode_to_dict(document), separators=(",", ":")), dict(values))

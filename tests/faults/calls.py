"""What a request to AWS asks for, read from the wire as a service reads it.

The protocols are those of botocore's service models: `query` and `ec2` name the operation in the body's `Action`,
`json` in `X-Amz-Target`, `smithy-rpc-v2-cbor` in the path, and the REST protocols by method and path (`http` of the
model's operations). The account, the Region and the service stand in the signature's credential scope.
"""

import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import botocore.session

SERVICES: Final[Mapping[str, str]] = {
    "bedrock-agentcore": "bedrock-agentcore-control",
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
}
"""Service models whose signing name is another."""
READING: Final = (
    "Get",
    "List",
    "Describe",
    "Head",
    "BatchGet",
    "BatchCheck",
    "Lookup",
    "Search",
    "Validate",
    "Estimate",
)
"""Verbs of operations that change nothing; what begins otherwise is taken for a change."""
_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class Call:
    """One request: `protocol` is botocore's word for how the service speaks; `method` is HTTP's."""

    service: str
    operation: str
    account: str
    region: str
    protocol: str
    method: str

    @property
    def name(self) -> str:
        """The call as people read it, such as cloudformation:CreateStack."""
        return f"{self.service}:{self.operation}"

    @property
    def writes(self) -> bool:
        """Whether the operation changes something."""
        return writes(self.operation)


def writes(operation: str) -> bool:
    """Returns whether an operation changes something, by its name."""
    return not operation.startswith(READING)


def read(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call | None:
    """Returns the call that a request makes, or None where it is not signed; `headers` by their names in small letters.

    Raises ValueError where the service's model has no such operation.
    """
    found = _CREDENTIAL.search(headers.get("authorization", ""))
    if found is None:
        return None
    account, region, signed = found.groups()
    service = SERVICES.get(signed, signed)
    protocol = _protocol(service)
    return Call(service, _operation(service, protocol, method, path, headers, body), account, region, protocol, method)


def _operation(service: str, protocol: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    if "x-amz-target" in headers:
        return headers["x-amz-target"].rpartition(".")[2]
    if protocol in ("query", "ec2"):
        return urllib.parse.parse_qs(body.decode())["Action"][0]
    if protocol == "smithy-rpc-v2-cbor":
        return path.rpartition("/operation/")[2]
    if service == "s3":
        return _s3_operation(method, path)
    plain = urllib.parse.urlsplit(path).path.rstrip("/") or "/"
    for name, verb, pattern in _routes(service):
        if verb == method and pattern.fullmatch(plain):
            return name
    raise ValueError(f"{service} has no operation for {method} {path}")


def _s3_operation(method: str, path: str) -> str:
    """Returns S3's operation for a path-style request: what its subresource, or the lack of one, says."""
    split = urllib.parse.urlsplit(path)
    _, _, key = split.path.strip("/").partition("/")
    bucket = split.path.strip("/") != ""
    words = [word for word in split.query.split("&") if word and "=" not in word]
    what = words[0].title() if words else "Object" if key else "Bucket" if bucket else "Buckets"
    verb = {"HEAD": "Head", "GET": "Get" if key or words else "List", "PUT": "Put", "DELETE": "Delete"}
    return f"{verb.get(method, method.title())}{what}"


@cache
def _protocol(service: str) -> str:
    return str(_model(service).resolved_protocol)


@cache
def _routes(service: str) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Returns a REST service's operations, those with the fewest variable parts first."""
    model = _model(service)
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        plain = urllib.parse.urlsplit(http["requestUri"]).path.rstrip("/") or "/"
        parts = re.split(r"\{([^}]+)\}", plain)
        text = "".join(re.escape(part) if number % 2 == 0 else "[^/]+" for number, part in enumerate(parts))
        found.append((len(parts), name, http["method"], re.compile(text)))
    return tuple((name, method, pattern) for _, name, method, pattern in sorted(found, key=lambda one: one[:3]))


@cache
def _model(service: str) -> botocore.model.ServiceModel:
    return _session().get_service_model(service)


@cache
def _session() -> botocore.session.Session:
    return botocore.session.Session()

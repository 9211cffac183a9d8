"""Refusals as AWS's services put them: the code, the status and the body of each protocol.

The codes are those that botocore's retry handlers and service models name (`botocore/retries/standard.py`,
`ThrottledRetryableChecker` and `TransientRetryableChecker`; service model of AgentCore, `ThrottlingException`, 429).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from tests.faults.calls import Call


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of a service."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def throttled(call: Call) -> Answer:
    """Returns how the service refuses a request that comes too soon after others."""
    if call.service == "s3":
        return _refusal(call, 503, "SlowDown", "Please reduce your request rate.")
    if call.protocol == "rest-json":
        return _refusal(call, 429, "ThrottlingException", "Rate exceeded")
    if call.protocol in ("json", "smithy-rpc-v2-cbor"):
        return _refusal(call, 400, "ThrottlingException", "Rate exceeded")
    return _refusal(call, 400, "Throttling", "Rate exceeded")


def broken(call: Call) -> Answer:
    """Returns how the service answers when it fails itself."""
    if call.protocol == "rest-json":
        return _refusal(call, 500, "InternalServerException", "An internal error occurred")
    if call.service == "s3":
        return _refusal(call, 500, "InternalError", "We encountered an internal error. Please try again.")
    return _refusal(call, 500, "InternalFailure", "The request processing has failed because of an unknown error.")


def expired(call: Call) -> Answer:
    """Returns how the service refuses credentials whose time is over."""
    said = "The security token included in the request is expired"
    if call.service == "s3":
        return _refusal(call, 400, "ExpiredToken", "The provided token has expired.")
    if call.protocol in ("json", "smithy-rpc-v2-cbor"):
        return _refusal(call, 400, "ExpiredTokenException", said)
    if call.protocol == "rest-json":
        return _refusal(call, 403, "ExpiredTokenException", said)
    return _refusal(call, 403, "ExpiredToken", said)


def _refusal(call: Call, status: int, code: str, message: str) -> Answer:
    if call.method == "HEAD":
        return Answer(status, b"")
    if call.protocol in ("json", "rest-json"):
        document = {"__type": code, "message": message}
        headers = {"content-type": "application/x-amz-json-1.1", "x-amzn-errortype": code}
        return Answer(status, json.dumps(document).encode(), headers)
    if call.protocol == "smithy-rpc-v2-cbor":
        headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return Answer(status, _cbor({"__type": code, "message": message}), headers)
    inner = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if call.service == "s3":
        text = f"<Error>{inner}<RequestId>0</RequestId></Error>"
    elif call.protocol == "ec2":
        text = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>0</RequestID></Response>"
    else:
        kind = "Sender" if status < 500 else "Receiver"
        text = f"<ErrorResponse><Error><Type>{kind}</Type>{inner}</Error><RequestId>0</RequestId></ErrorResponse>"
    return Answer(status, f'<?xml version="1.0"?>{text}'.encode(), {"content-type": "text/xml"})


def _cbor(document: Mapping[str, str]) -> bytes:
    """Returns a map of short texts in CBOR (RFC 8949, section 3.1, major types 3 and 5)."""
    return bytes([0xA0 | len(document)]) + b"".join(_text(part) for pair in document.items() for part in pair)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return (bytes([0x60 | len(encoded)]) if len(encoded) < 24 else bytes([0x78, len(encoded)])) + encoded

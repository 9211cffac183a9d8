"""Verification of Signature Version 4 as a service does it: computed again over exactly what was signed.

Facts: "Authenticating Requests (AWS Signature Version 4)" and "Create a signed AWS API request" (IAM user guide): the
scope names date, Region and service; ``host`` and every ``x-amz-*`` header sent must be signed; a request more than
five minutes off is refused; the error codes are those of "Common Errors".
"""

import datetime
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from emulator.data_plane.errors import ServiceError
from emulator.data_plane.exchange import Request

_SCHEME = "AWS4-HMAC-SHA256"
_WINDOW = datetime.timedelta(minutes=5)
_PARTS = re.compile(r"\s*(Credential|SignedHeaders|Signature)=([^,\s]+)\s*")


@dataclass(frozen=True)
class Key:
    """A secret access key and the session token that belongs to it (empty for long-term keys)."""

    secret: str
    session_token: str = ""


class _ExactAuth(SigV4Auth):  # type: ignore[misc]  # botocore ships no types
    """Signs the headers that the client signed, where botocore would leave some out."""

    def __init__(self, key: Key, access_key: str, service: str, region: str, signed: Sequence[str]) -> None:
        super().__init__(Credentials(access_key, key.secret), service, region)
        self._signed = signed

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name in self._signed:
            headers[name] = request.headers.get(name, "")
        return headers


def verify(
    request: Request, *, service: str, region: str, key_of: Callable[[str], Key | None], now: datetime.datetime
) -> str:
    """Return the access key id that signed ``request``. Raises ServiceError (403) saying what is wrong with it."""
    authorization = request.headers.get("authorization", "")
    if not authorization:
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    if not authorization.startswith(_SCHEME + " "):
        raise ServiceError("IncompleteSignatureException", "Authorization header requires AWS4-HMAC-SHA256", 403)
    parts = dict(_PARTS.findall(authorization.removeprefix(_SCHEME)))
    scope = parts.get("Credential", "").split("/")
    signed = parts.get("SignedHeaders", "").split(";")
    signature = parts.get("Signature", "")
    if len(scope) != 5 or not signature or scope[4] != "aws4_request":
        text = "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters."
        raise ServiceError("IncompleteSignatureException", text, 403)
    access_key, date, signed_region, signed_service, _ = scope
    stamp = request.headers.get("x-amz-date", "")
    _require_fresh(stamp, date, now)
    if (signed_region, signed_service) != (region, service):
        text = f"Credential should be scoped to correct service: '{service}' and a valid region: '{region}'."
        raise ServiceError("InvalidSignatureException", text, 403)
    unsigned = [name for name in request.headers if name.startswith("x-amz-") and name not in signed]
    if "host" not in signed or unsigned:
        text = f"'Host' or 'x-amz-*' must be a 'SignedHeader' in the AWS Authorization: {', '.join(unsigned) or 'host'}"
        raise ServiceError("InvalidSignatureException", text, 403)
    key = key_of(access_key)
    if key is None or not hmac.compare_digest(key.session_token, request.headers.get("x-amz-security-token", "")):
        text = "The security token included in the request is invalid."
        raise ServiceError("UnrecognizedClientException", text, 403)
    payload = sha256(request.body).hexdigest()
    if request.headers.get("x-amz-content-sha256", payload) != payload:
        raise ServiceError("InvalidSignatureException", "The payload is not the one that was signed.", 403)
    if not hmac.compare_digest(_signature(request, access_key, key, scope, signed, stamp), signature):
        text = (
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )
        raise ServiceError("InvalidSignatureException", text, 403)
    return str(access_key)


def _require_fresh(stamp: str, date: str, now: datetime.datetime) -> None:
    try:
        signed_at = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    except ValueError:
        raise ServiceError("IncompleteSignatureException", "X-Amz-Date must be an ISO 8601 basic date.", 403) from None
    if not stamp.startswith(date):
        raise ServiceError("InvalidSignatureException", "Date in Credential scope does not match X-Amz-Date.", 403)
    if abs(now - signed_at) > _WINDOW:
        word = "expired" if now > signed_at else "not yet current"
        raise ServiceError("InvalidSignatureException", f"Signature {word}: {stamp} is more than 5 min. away.", 403)


def _signature(
    request: Request, access_key: str, key: Key, scope: Sequence[str], signed: Sequence[str], stamp: str
) -> str:
    auth = _ExactAuth(key, access_key, scope[3], scope[2], signed)
    again = AWSRequest(
        method=request.method,
        url=f"http://{request.headers['host']}{request.target}",
        data=request.body,
        headers=dict(request.headers),
    )
    again.context["timestamp"] = stamp
    canonical = auth.canonical_request(again)
    signature: str = auth.signature(auth.string_to_sign(again, canonical), again)
    return signature

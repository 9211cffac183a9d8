"""The bridge's half for Amazon S3: owners that requests expect, and CloudFormation's tags of buckets.

Requests that expect another owner of a bucket are refused, as S3 refuses them.

Rule: `ExpectedBucketOwner` in the S3 service model, and "Verifying bucket ownership with bucket owner condition" in the
user guide: where the bucket is another account's, the request fails with 403 and is not carried out.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.services import s3
from ministack.services.cloudformation import provisioners

_NAMES: Mapping[Any, Sequence[str]] = {
    app: ("SERVICE_HANDLERS",),
    provisioners: ("_STACK_TAG_PROPERTY",),
    s3: ("_bucket_owner_account",),
}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")

_DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
)


def install() -> None:
    """Check the owners that requests expect before ministack answers them, and have stacks tag their buckets."""
    provisioners._STACK_TAG_PROPERTY["AWS::S3::Bucket"] = ("Tags", "list")
    inner = app.SERVICE_HANDLERS["s3"]

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        source = unquote(headers.get("x-amz-copy-source", "")).lstrip("/").partition("/")[0]
        expected = (
            (_bucket(path, headers), headers.get("x-amz-expected-bucket-owner")),
            (source, headers.get("x-amz-source-expected-bucket-owner")),
        )
        if any(owner and s3._bucket_owner_account(bucket) not in (None, owner) for bucket, owner in expected):
            return 403, {"content-type": "application/xml"}, b"" if method == "HEAD" else _DENIED
        return await inner(method, path, headers, body, query)

    app.SERVICE_HANDLERS["s3"] = handle


def _bucket(path: str, headers: Mapping[str, str]) -> str:
    """Return the bucket of a request: the first label of a virtual host, or the first part of the path."""
    first, _, rest = headers.get("host", "").partition(".")
    return first if rest.startswith("s3.") else unquote(path).lstrip("/").partition("/")[0]

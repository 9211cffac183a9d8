"""The tool contracts of published versions: one that is gone is unknown, one that cannot be read stops the command."""

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployer.errors import RefusedError
from deployer.published_tools import PublishedTools
from generator.tool_catalogue import Catalogue

CATALOGUE = Catalogue.listed([{"name": "echo", "inputSchema": {"type": "object"}}])
NAMED = f"Image sha256:0 for X86_64; tools {CATALOGUE.hash}."


class Bucket:
    """A client of S3 whose objects all have one text, or are refused with a code."""

    def __init__(self, text: str = "", code: str = "") -> None:
        self.text, self.code = text, code

    def get_object(self, **request: Any) -> dict[str, Any]:
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": self.code}}, "GetObject")
        return {"Body": io.BytesIO(self.text.encode())}


def read(bucket: Bucket, description: str = NAMED) -> Catalogue | None:
    return PublishedTools(bucket, "bucket", "111111111111").read(description)


def test_contract_is_read_by_the_hash_that_the_version_names() -> None:
    found = read(Bucket(CATALOGUE.render()))
    assert found is not None and found.hash == CATALOGUE.hash
    assert read(Bucket(CATALOGUE.render()), "Image sha256:0 for X86_64.") is None
    assert read(Bucket(code="NoSuchKey")) is None


def test_contract_that_cannot_be_read_is_not_passed_over() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        read(Bucket(code="AccessDenied"))
    with pytest.raises(RefusedError, match="is no tool contract, so that the tools cannot be compared"):
        read(Bucket("{}"))

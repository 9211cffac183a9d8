"""What a module in ``emulator.resources`` offers: the handlers of resource types and the APIs of services.

A module may expose ``HANDLERS: Mapping[str, ResourceHandler]`` (by type name) and ``APIS: Mapping[str, Api]`` (by the
service name in a request's signature). Everything runs in the scope of the stack's or the request's account and Region.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Protocol

Properties = Mapping[str, Any]
Created = tuple[str, dict[str, Any]]
Response = tuple[int, dict[str, str], bytes]


class ResourceHandler(Protocol):
    """Makes, changes and removes the resources of one type. A refusal is a ValueError whose text becomes the reason of
    the resource's event.
    """

    def create(self, logical_id: str, props: Properties, stack_name: str) -> Created:
        """Make the resource; return what Ref gives and the attributes of Fn::GetAtt, dots in their names kept."""

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """Change the resource. Another physical id than before is a replacement: the old one is deleted later."""

    def delete(self, physical_id: str, props: Properties) -> None:
        """Remove the resource; one that is gone is no error."""


class Api(Protocol):
    """Answers requests to a service that ministack lacks, or part of one that it has."""

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """Return status, headers and body; None leaves the request to ministack. Header names are in lower case."""


class HandlerFailed(ValueError):
    """A resource handler failed as CloudFormation reports it: the service's message and CloudFormation's code."""

    def __init__(self, message: str, code: str = "GeneralServiceException") -> None:
        super().__init__(f'Resource handler returned message: "{message}" (HandlerErrorCode: {code})')


def suffix(stack_name: str, logical_id: str, length: int = 12) -> str:
    """Return the part that makes a generated name unique, the same for every run over the same stack."""
    return sha256(f"{stack_name}/{logical_id}".encode()).hexdigest()[:length]

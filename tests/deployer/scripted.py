"""AWS with a script: each service's calls come in its order; botocore's stubber checks parameters and answers.

`calls` are the operations of all services together in the order in which they were made.
"""

from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.stub import Stubber

from deployer.aws import Access, Aws

ACCOUNT = "111111111111"
REGION = "us-east-1"


@dataclass
class Scripted(Aws):
    """The credentials of one account and a script for each service."""

    access: Access = field(default_factory=Access)
    calls: list[str] = field(default_factory=list)
    made: dict[str, tuple[Any, Stubber]] = field(default_factory=dict)

    def identity(self) -> str:
        return ACCOUNT

    def client(self, service: str, account: str, region: str) -> Any:
        assert (account, region) == (ACCOUNT, REGION)
        return self._made(service)[0]

    def _made(self, service: str) -> tuple[Any, Stubber]:
        if service not in self.made:
            client = boto3.client(service, region_name=REGION, aws_access_key_id=ACCOUNT, aws_secret_access_key="none")
            client.meta.events.register("before-parameter-build.*.*", self._called)
            stubber = Stubber(client)
            stubber.activate()
            self.made[service] = (client, stubber)
        return self.made[service]

    def _called(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)

    def answers(self, service: str, call: str, answer: dict[str, Any], given: dict[str, Any] | None = None) -> None:
        """Adds a call and its answer to a service's script."""
        self._made(service)[1].add_response(call, answer, given)

    def refuses(self, service: str, call: str, code: str) -> None:
        """Adds a call that the service refuses."""
        self._made(service)[1].add_client_error(call, code, "no")

    def ended(self) -> None:
        """Fails where something of a script was not asked for."""
        for _, stubber in self.made.values():
            stubber.assert_no_pending_responses()

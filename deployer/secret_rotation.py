"""Rotating the secret of the gateway's token client in Amazon Cognito, with no moment in which the gateway has none.

Cognito takes two secrets of a client at once (cognito-idp service model, `AddUserPoolClientSecret`), and the gateway
reads its own from Secrets Manager. A new value is kept there first, as the version AWSPENDING, then added to the
client, tried, made AWSCURRENT, proved by the layered truth test, and only then is the old one deleted. So an
interrupted rotation has lost nothing: what it left is told by trying the kept values at the token endpoint, and the
next run goes on there. Cognito never tells which of its secrets has which value; each value is kept with its number,
so the one with the higher number is the younger of two.

CloudFormation wrote the first value, of the attribute that it read when it made the client, and writes it again only
if it finds that value or the secret's text changed (resource type AWS::SecretsManager::Secret, SecretString). Should
it, or a hand, put an old value back, a run puts the valid one in its place.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from deployer.errors import RefusedError
from deployer.tokens import ClientRefusedError, Issuer, client_of

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
PREVIOUS: Final = "AWSPREVIOUS"
NUMBER: Final = "number"
"""The key beside the client's id and secret that holds the value's number."""
MOST: Final = 2
DELETE_IT: Final = (
    "delete the one that the runtime does not use with `aws cognito-idp delete-user-pool-client-secret`, then run this"
    " again"
)
SECRET_BYTES: Final = 32
"""Of a new secret, given in 64 hexadecimal digits, the longest that Cognito takes (`ClientSecretType`)."""
SETTLING_SECONDS: Final = 120.0
"""How long a secret that was added may be refused."""


@dataclass(frozen=True)
class Version:
    """One version of the secret in Secrets Manager: its id, the client's id and secret in it, and the value's number.

    The template's first value has no number, which is 0.
    """

    id: str
    client_id: str
    value: str
    number: int


@dataclass
class Rotation:
    """The rotation of one runtime's client.

    `secrets` and `cognito` are boto3 clients of its account and Region; `try_secret` asks for a token by the client's
    id and a secret, and raises ClientRefusedError; `prove` raises RefusedError where the runtime does not serve; `wait`
    is called between two looks at what is not there yet, for `settling` seconds at most.
    """

    issuer: Issuer
    secrets: Any
    cognito: Any
    try_secret: Callable[[str, str], object]
    prove: Callable[[], None]
    wait: Callable[[], None]
    settling: float = SETTLING_SECONDS

    def run(self, keep_old: bool) -> str:
        """Rotates, or finishes what an earlier run began; returns what was done, as a sentence.

        With `keep_old` the old secret stays valid; the next run deletes it. Raises RefusedError where the states of the
        client and of the secret cannot be told apart, and where the runtime does not serve with the new secret.
        """
        restored = self._restore()
        pending, known = self._pending(), self._listed()
        if pending is None and len(known) > 1:
            self._order_pair()
            return self._finish("finished what an earlier run began", keep_old)
        if pending is None:
            if restored:
                self.prove()
                return "put back the secret that the client has, which something had replaced"
            pending = self._keep_new()
        self._add(pending, len(known))
        self._promote(pending)
        return self._finish("rotated", keep_old)

    def _restore(self) -> bool:
        """Puts the newest value that the client takes in the place of a current one that it does not take."""
        current = self._current()
        if self._works(current):
            return False
        previous = self._version(PREVIOUS)
        if previous is not None and self._works(previous):
            self._move(CURRENT, previous, current)
            return True
        return False

    def _order_pair(self) -> None:
        """Sees that of two valid secrets the younger one is current; raises RefusedError where one is unknown."""
        current, previous = self._current(), self._version(PREVIOUS)
        if previous is None or previous.number == current.number or not self._works(previous):
            raise RefusedError(f"{self._two()}, one of which is unknown to the runtime; {DELETE_IT}.")
        if previous.number > current.number:
            self._move(CURRENT, previous, current)

    def _keep_new(self) -> Version:
        value, number = secrets.token_hex(SECRET_BYTES), self._current().number + 1
        text = json.dumps({"client_id": self._client_id(), "client_secret": value, NUMBER: number})
        kept = self.secrets.put_secret_value(
            SecretId=self.issuer.secret_arn, SecretString=text, VersionStages=[PENDING]
        )
        return Version(str(kept["VersionId"]), self._client_id(), value, number)

    def _add(self, pending: Version, known: int) -> None:
        """Adds the kept value to the client, unless an earlier run did, and waits until it is taken."""
        if known < MOST and not self._works(pending):
            self.cognito.add_user_pool_client_secret(
                UserPoolId=self._pool(), ClientId=self._client_id(), ClientSecret=pending.value
            )
        deadline = time.monotonic() + self.settling
        while not self._works(pending):
            if time.monotonic() > deadline:
                raise RefusedError(
                    f"{self._two()} and does not take the one that the runtime kept for it; run this again later, or"
                    f" {DELETE_IT}."
                )
            self.wait()

    def _promote(self, pending: Version) -> None:
        self._move(CURRENT, pending, self._current())
        if pending.id in self._stages(PENDING):
            self.secrets.update_secret_version_stage(
                SecretId=self.issuer.secret_arn, VersionStage=PENDING, RemoveFromVersionId=pending.id
            )

    def _finish(self, done: str, keep_old: bool) -> str:
        self.prove()
        if keep_old:
            return f"{done}; the old secret is valid until the next run"
        known = self._listed()
        if len(known) > 1:
            old, new = known[0], known[-1]
            if old["ClientSecretCreateDate"] == new["ClientSecretCreateDate"]:
                raise RefusedError(f"{self._two()} of the same moment; {DELETE_IT}.")
            self.cognito.delete_user_pool_client_secret(
                UserPoolId=self._pool(), ClientId=self._client_id(), ClientSecretId=old["ClientSecretId"]
            )
        return done

    def _listed(self) -> list[Mapping[str, Any]]:
        """Returns the client's secrets without their values, the oldest first."""
        answer = self.cognito.list_user_pool_client_secrets(UserPoolId=self._pool(), ClientId=self._client_id())
        return sorted(answer["ClientSecrets"], key=lambda one: one["ClientSecretCreateDate"])

    def _works(self, version: Version) -> bool:
        try:
            self.try_secret(self._client_id(), version.value)
        except ClientRefusedError:
            return False
        return True

    def _current(self) -> Version:
        found = self._version(CURRENT)
        if found is None:
            raise RefusedError(f"The secret {self.issuer.secret_arn} has no current version; deploy the runtime anew.")
        return found

    def _pending(self) -> Version | None:
        """Returns what an earlier run kept and did not make current; what it kept for another client is none."""
        found = self._version(PENDING)
        return (
            found if found and found.id not in self._stages(CURRENT) and found.client_id == self._client_id() else None
        )

    def _version(self, stage: str) -> Version | None:
        for identity in self._stages(stage):
            answer = self.secrets.get_secret_value(SecretId=self.issuer.secret_arn, VersionId=identity)
            text = str(answer.get("SecretString", ""))
            number = json.loads(text).get(NUMBER) if text.startswith("{") else 0
            # The issuer's client id is that of the current version; another version may be of another client.
            client_id, value = client_of(text, replace(self.issuer, client_id=""))
            return Version(identity, client_id, value, number if isinstance(number, int) else 0)
        return None

    def _stages(self, stage: str) -> list[str]:
        described = self.secrets.describe_secret(SecretId=self.issuer.secret_arn)
        return [identity for identity, stages in described["VersionIdsToStages"].items() if stage in stages]

    def _move(self, stage: str, to: Version, since: Version | None) -> None:
        away = {"RemoveFromVersionId": since.id} if since is not None else {}
        self.secrets.update_secret_version_stage(
            SecretId=self.issuer.secret_arn, VersionStage=stage, MoveToVersionId=to.id, **away
        )

    def _client_id(self) -> str:
        return self.issuer.client_id

    def _two(self) -> str:
        return f"The client {self._client_id()} of the user pool {self._pool()} has two secrets"

    def _pool(self) -> str:
        return self.issuer.url.rpartition("/")[2]

"""Rotation of the client's secret from every state in which an earlier run, or a hand, may have left it.

The two services are kept in memory here, by what their service models say; `stop` ends a run like a lost process does,
before or after any of their calls.
"""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from deployer.errors import RefusedError
from deployer.secret_rotation import CURRENT, PENDING, PREVIOUS, Rotation
from deployer.tokens import ClientRefusedError, Issuer

FIRST = "first-secret-of-the-template"
ISSUER = Issuer("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Pool", "arn:secret", "scope", "client")


class Stopped(BaseException):
    """The process was lost."""


class Services:
    """One client in Cognito and its secret in Secrets Manager; `left` calls that change something go through."""

    def __init__(self) -> None:
        self.ids = itertools.count(1)
        self.active = {"client--0": (FIRST, 0)}
        self.versions: dict[str, tuple[str, set[str]]] = {}
        self.left = 10**6
        self.after = False
        self.calls: list[str] = []
        self.write(FIRST)

    def write(self, value: str, **more: Any) -> None:
        """Writes a value as CloudFormation does: a new current version."""
        text = json.dumps({"client_id": "client", "client_secret": value, **more})
        version = f"version-{next(self.ids)}"
        self.versions[version] = (text, set())
        self._move(CURRENT, version)

    def _changing(self, name: str, change: Callable[[], Any]) -> Any:
        if self.left == 0 and not self.after:
            raise Stopped
        self.calls.append(name)
        answer = change()
        if self.left == 0:
            raise Stopped
        self.left -= 1
        return answer

    def _move(self, stage: str, to: str) -> None:
        if stage == CURRENT and (old := self.at(CURRENT)):
            self._move(PREVIOUS, old)
        for _, stages in self.versions.values():
            stages.discard(stage)
        self.versions[to][1].add(stage)

    def at(self, stage: str) -> str:
        return next((name for name, (_, stages) in self.versions.items() if stage in stages), "")

    def current(self) -> str:
        value: str = json.loads(self.versions[self.at(CURRENT)][0])["client_secret"]
        return value

    def values(self) -> list[str]:
        return [value for value, _ in self.active.values()]

    # Secrets Manager

    def describe_secret(self, SecretId: str) -> dict[str, Any]:  # noqa: N803  # AWS's own names
        return {"VersionIdsToStages": {name: sorted(stages) for name, (_, stages) in self.versions.items() if stages}}

    def get_secret_value(self, SecretId: str, VersionId: str) -> dict[str, Any]:  # noqa: N803
        return {"SecretString": self.versions[VersionId][0]}

    def put_secret_value(self, SecretId: str, SecretString: str, VersionStages: list[str]) -> Any:  # noqa: N803
        def change() -> dict[str, str]:
            version = f"version-{next(self.ids)}"
            self.versions[version] = (SecretString, set())
            for stage in VersionStages:
                self._move(stage, version)
            return {"VersionId": version}

        return self._changing("put", change)

    def update_secret_version_stage(
        self,
        SecretId: str,  # noqa: N803
        VersionStage: str,  # noqa: N803
        MoveToVersionId: str = "",  # noqa: N803
        RemoveFromVersionId: str = "",  # noqa: N803
    ) -> None:
        def change() -> None:
            assert VersionStage in self.versions[RemoveFromVersionId][1]
            if MoveToVersionId:
                self._move(VersionStage, MoveToVersionId)
            else:
                self.versions[RemoveFromVersionId][1].discard(VersionStage)

        self._changing("stage", change)

    # Cognito

    def list_user_pool_client_secrets(self, UserPoolId: str, ClientId: str) -> dict[str, Any]:  # noqa: N803
        assert (UserPoolId, ClientId) == ("us-east-1_Pool", "client")
        found = [{"ClientSecretId": name, "ClientSecretCreateDate": at} for name, (_, at) in self.active.items()]
        return {"ClientSecrets": found[::-1]}

    def add_user_pool_client_secret(self, UserPoolId: str, ClientId: str, ClientSecret: str) -> None:  # noqa: N803
        def change() -> None:
            assert len(self.active) < 2
            assert 24 <= len(ClientSecret) <= 64
            moment = next(self.ids)
            self.active[f"client--{moment}"] = (ClientSecret, moment)

        self._changing("add", change)

    def delete_user_pool_client_secret(self, UserPoolId: str, ClientId: str, ClientSecretId: str) -> None:  # noqa: N803
        def change() -> None:
            assert len(self.active) == 2
            del self.active[ClientSecretId]

        self._changing("delete", change)

    def try_secret(self, client_id: str, secret: str) -> None:
        # The gateway reads its secret at any moment, so the current one must always be a valid one.
        if client_id != "client" or secret not in self.values():
            raise ClientRefusedError("invalid_client")

    def rotate(self, keep_old: bool = False, serves: bool = True) -> str:
        def prove() -> None:
            assert self.current() in self.values()
            if not serves:
                raise RefusedError("it does not serve")

        return Rotation(ISSUER, self, self, self.try_secret, prove, lambda: None, settling=0.0).run(keep_old)


@pytest.fixture
def services() -> Services:
    return Services()


def test_rotation_leaves_one_new_secret_that_is_current(services: Services) -> None:
    assert services.rotate() == "rotated"
    assert services.values() == [services.current()]
    assert services.current() != FIRST
    assert services.at(PENDING) == ""
    assert services.calls == ["put", "add", "stage", "stage", "delete"]


def test_every_run_rotates_anew(services: Services) -> None:
    seen = {FIRST}
    for _ in range(3):
        assert services.rotate() == "rotated"
        assert services.current() not in seen
        seen.add(services.current())
    assert len(services.active) == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(5))
def test_run_that_was_lost_is_finished_by_the_next(services: Services, call: int, after: bool) -> None:
    services.left, services.after = call, after
    with pytest.raises(Stopped):
        services.rotate()
    assert services.current() in services.values()
    services.left = 10**6
    services.rotate()
    assert services.current() in services.values()
    assert len(services.active) == 1
    assert services.values() != [FIRST]
    assert services.at(PENDING) in ("", services.at(CURRENT))
    services.rotate()
    assert services.values() == [services.current()]


def test_old_secret_is_kept_until_the_next_run(services: Services) -> None:
    assert services.rotate(keep_old=True) == "rotated; the old secret is valid until the next run"
    new = services.current()
    assert services.values() == [FIRST, new]
    assert services.rotate() == "finished what an earlier run began"
    assert services.values() == [new] == [services.current()]


def test_nothing_is_deleted_while_the_runtime_does_not_serve(services: Services) -> None:
    with pytest.raises(RefusedError, match="does not serve"):
        services.rotate(serves=False)
    assert len(services.active) == 2
    assert services.rotate() == "finished what an earlier run began"
    assert services.values() == [services.current()]


def test_old_value_that_was_put_back_gives_way_to_the_valid_one(services: Services) -> None:
    services.rotate()
    new = services.current()
    services.write(FIRST)
    assert services.rotate() == "put back the secret that the client has, which something had replaced"
    assert services.current() == new
    assert services.values() == [new]
    assert services.rotate() == "rotated"


def test_valid_old_value_that_was_put_back_is_not_what_stays(services: Services) -> None:
    services.rotate(keep_old=True)
    new = services.current()
    services.write(FIRST)
    services.rotate()
    assert services.values() == [new] == [services.current()]


def test_value_that_the_client_does_not_have_gives_way_to_a_new_one(services: Services) -> None:
    services.write("written-by-hand")
    services.write("written-by-hand-again")
    assert services.rotate() == "rotated"
    assert services.values() == [services.current()]


def test_secret_that_somebody_added_by_hand_is_not_guessed_at(services: Services) -> None:
    services.active["client--9"] = ("added-by-hand", 9)
    with pytest.raises(RefusedError, match="two secrets, one of which is unknown to the runtime; delete the one"):
        services.rotate()
    assert services.calls == []
    services.left, services.after = 0, True
    del services.active["client--9"]
    with pytest.raises(Stopped):
        services.rotate()
    services.left = 10**6
    services.active["client--9"] = ("added-by-hand", 9)
    with pytest.raises(RefusedError, match="does not take the one that the runtime kept for it"):
        services.rotate()
    assert services.current() == FIRST


def test_what_was_kept_for_another_client_is_left_alone(services: Services) -> None:
    text = json.dumps({"client_id": "gone", "client_secret": "of-a-client-that-is-gone", "number": 4})
    services.put_secret_value(SecretId="", SecretString=text, VersionStages=[PENDING])
    assert services.rotate() == "rotated"
    assert services.values() == [services.current()]

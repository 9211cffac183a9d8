"""The client's secret is rotated through the real command line while an agent calls, and no call fails."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from deployer.errors import RefusedError
from deployer.mcp_client import Signed, call_tool, mcp_url
from deployer.tokens import ClientRefusedError, Issuer, token_by
from tests.end_to_end.running import ACCOUNT, REGION, Project

TARGET = f"{ACCOUNT}/{REGION}"


class Cognito:
    """The runtime's client as Cognito and Secrets Manager tell of it."""

    def __init__(self, project: Project) -> None:
        outputs = project.outputs()
        self.project = project
        self.issuer = Issuer(outputs["TokenIssuer"], outputs["ClientSecretArn"], outputs["TokenScope"])
        self.manager = project.client("secretsmanager")
        self.client = project.client("cognito-idp")
        self.pool = self.issuer.url.rpartition("/")[2]

    def held(self) -> dict[str, Any]:
        """What the gateway reads."""
        found: dict[str, Any] = json.loads(
            self.manager.get_secret_value(SecretId=self.issuer.secret_arn)["SecretString"]
        )
        return found

    def secrets(self) -> list[dict[str, Any]]:
        """The client's secrets, which have no values."""
        found: list[dict[str, Any]] = self.client.list_user_pool_client_secrets(
            UserPoolId=self.pool, ClientId=self.held()["client_id"]
        )["ClientSecrets"]
        assert not any("ClientSecretValue" in one for one in found)
        return found

    def takes(self, secret: str) -> bool:
        """Whether the token endpoint gives a token for a secret."""
        try:
            return bool(token_by(self.project.network, self.issuer, self.held()["client_id"], secret))
        except ClientRefusedError:
            return False


@pytest.fixture(scope="module")
def cognito(project: Project) -> Cognito:
    assert project.json("deploy")["changed"] is True
    return Cognito(project)


@contextmanager
def calling(project: Project) -> Iterator[list[str]]:
    """Calls a tool through the gateway, again and again, until the block ends; gives what was answered."""
    url = mcp_url(project.outputs()["GatewayUrl"])
    auth = Signed(ReadOnlyCredentials(ACCOUNT, project.emulator["secret_access_key"], None), REGION)
    over, answers = Event(), list[str]()

    def call() -> None:
        while not over.is_set():
            try:
                answers.append(call_tool(project.network, url, auth, "mcp___echo", {"message": "on"}).text)
            except RefusedError as error:
                answers.append(str(error))

    agent = Thread(target=call)
    agent.start()
    try:
        yield answers
    finally:
        over.set()
        agent.join()


def test_no_call_fails_while_the_secret_is_rotated(project: Project, cognito: Cognito) -> None:
    old = cognito.held()
    with calling(project) as answers:
        found = project.json("rotate-secret")
    assert found == {"done": {TARGET: "rotated"}, "failed": {}}
    assert len(answers) > 1
    assert set(answers) == {"on"}
    new = cognito.held()
    assert new["client_id"] == old["client_id"]
    assert new["client_secret"] != old["client_secret"]
    assert len(cognito.secrets()) == 1
    assert cognito.takes(new["client_secret"])
    assert not cognito.takes(old["client_secret"])


def test_update_of_the_stack_does_not_put_the_old_secret_back(project: Project, cognito: Cognito) -> None:
    held = cognito.held()
    project.configure(("max_tasks = 4 ", "max_tasks = 3 "))
    document = project.json("deploy")
    assert document["changed"] is True
    assert all(row["passed"] for row in document["verification"][TARGET])
    assert cognito.held() == held


def test_old_secret_stays_where_it_is_asked_for_and_goes_with_the_next_run(project: Project, cognito: Cognito) -> None:
    old = cognito.held()["client_secret"]
    told = project.run("rotate-secret", "--keep-old", "--target", TARGET)
    assert (told.status, told.out) == (0, f"{ACCOUNT} {REGION}: rotated; the old secret is valid until the next run\n")
    new = cognito.held()["client_secret"]
    assert [cognito.takes(old), cognito.takes(new), len(cognito.secrets())] == [True, True, 2]
    assert all(secret not in told.out + told.err for secret in (old, new))
    assert project.json("rotate-secret")["done"] == {TARGET: "finished what an earlier run began"}
    assert [cognito.takes(old), cognito.takes(new), len(cognito.secrets())] == [False, True, 1]


def test_cognito_refuses_what_amazon_cognito_refuses(cognito: Cognito) -> None:
    client, names = cognito.client, {"UserPoolId": cognito.pool, "ClientId": cognito.held()["client_id"]}
    (only,) = cognito.secrets()
    with pytest.raises(client.exceptions.InvalidParameterException, match="last secret"):
        client.delete_user_pool_client_secret(**names, ClientSecretId=only["ClientSecretId"])
    with pytest.raises(client.exceptions.InvalidParameterException, match="length less than or equal to 64"):
        client.add_user_pool_client_secret(**names, ClientSecret="x" * 65)
    with pytest.raises(client.exceptions.InvalidParameterException, match="regular expression") as refused:
        client.add_user_pool_client_secret(**names, ClientSecret="24-characters-or-more-of-this")
    assert "24-characters" not in str(refused.value)
    made = client.add_user_pool_client_secret(**names)["ClientSecretDescriptor"]
    assert cognito.takes(made["ClientSecretValue"])
    with pytest.raises(client.exceptions.LimitExceededException):
        client.add_user_pool_client_secret(**names)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.delete_user_pool_client_secret(**names, ClientSecretId="absent")
    client.delete_user_pool_client_secret(**names, ClientSecretId=made["ClientSecretId"])
    assert not cognito.takes(made["ClientSecretValue"])


def test_target_that_is_none_is_refused(project: Project, cognito: Cognito) -> None:
    done = project.run("rotate-secret", "--target", f"{ACCOUNT}/eu-west-1")
    assert done.status == 2
    assert "There is no target" in done.error

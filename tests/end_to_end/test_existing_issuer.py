"""A runtime whose tokens are of an issuer that is not Cognito, through the real command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.network import send
from tests.end_to_end.oauth_issuer import CLIENT, ROLE, SCOPE, SECRET, Issuer, issuing
from tests.end_to_end.running import ACCOUNT, HOST, REGION, Project

NAME = "login.issuer.test"


@pytest.fixture(scope="module")
def issuer(project: Project) -> Iterator[Issuer]:
    """The issuer, under a name that the emulated DNS leads to loopback."""
    assert project.run("status").status == 0
    route53 = project.client("route53")
    zone = route53.create_hosted_zone(Name="issuer.test", CallerReference="one")["HostedZone"]["Id"]
    record = {"Name": NAME, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "127.0.0.1"}]}
    route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    )
    with issuing(NAME, Path(project.emulator["ca"]).parent) as found:
        yield found


@pytest.fixture(scope="module")
def secret(project: Project, issuer: Issuer) -> str:
    text = json.dumps({"client_secret": SECRET})
    arn: str = project.client("secretsmanager").create_secret(Name="token-client", SecretString=text)["ARN"]
    return arn


@pytest.fixture(scope="module")
def deployed(project: Project, issuer: Issuer, secret: str) -> Project:
    project.configure(
        ('issuer = "" ', f'issuer = "{issuer.url}" '),
        ('jwks_url = "" ', f'jwks_url = "{issuer.url}/keys" '),
        ('discovery_url = "" ', f'discovery_url = "{issuer.url}/.well-known/openid-configuration" '),
        ('client_id = "" ', f'client_id = "{CLIENT}" '),
        ('client_secret_arn = "" ', f'client_secret_arn = "{secret}" '),
        ('\nscope = "" ', f'\nscope = "{SCOPE}" '),
        ('claim = "scope" ', 'claim = "roles" '),
        ('claim_format = "space-separated-values" ', 'claim_format = "string-array" '),
        ('claim_value = "" ', f'claim_value = "{ROLE}" '),
    )
    rows = project.json("deploy")["verification"][f"{ACCOUNT}/{REGION}"]
    assert [row for row in rows if not row["passed"]] == []
    return project


def status(project: Project, token: str) -> int:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return send(project.network, "POST", f"https://{HOST}/mcp", headers, body).status


def test_gateway_calls_with_the_issuers_tokens(deployed: Project, issuer: Issuer) -> None:
    issuer.asked.clear()
    assert deployed.run("invoke", "echo", "message=hello").out == "hello\n"
    assert set(issuer.asked) == {SCOPE}
    assert deployed.client("cognito-idp").list_user_pools(MaxResults=5)["UserPools"] == []


def test_load_balancer_asks_for_the_value_in_the_claim_that_was_named(deployed: Project, issuer: Issuer) -> None:
    assert status(deployed, issuer.token()) not in (401, 403)
    for changed in ({"roles": ["Other"]}, {"roles": ROLE}, {"roles": None, "scope": f"{SCOPE} {ROLE}"}, {"iss": "x"}):
        assert status(deployed, issuer.token(**changed)) == 401


def test_secret_of_another_issuers_client_is_not_rotated_here(deployed: Project, issuer: Issuer, secret: str) -> None:
    done = deployed.run("rotate-secret")
    assert done.status == 2
    assert issuer.url in done.error
    assert secret in done.error
    held = deployed.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    assert json.loads(held) == {"client_secret": SECRET}

"""Bad input that only AWS can tell: refused before anything is changed, and the same command works with what is right.

The tests of this file are one story and run in their order.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

import build
from deployer import deployment
from deployer.errors import UsageError
from deployer.local import STATE_VARIABLE
from deployer.zones import zone_of
from generator import stacks
from tests.deployer.test_bad_input import one_sentence
from tests.end_to_end.running import ACCOUNT, REGION, Project

STRANGER = "222222222222"
ABSENT_CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0f0e0f0e-0f0e-0f0e-0f0e-0f0e0f0e0f0e"
ABSENT_SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:absent-AbCdEf"
UNCONNECTED = ("connect_gateway = true", "connect_gateway = false")
PLACE = f"the target {ACCOUNT} {REGION}"
Change = tuple[str, str]
generated, dicts = cache(stacks.templates), cache(stacks.template_dicts)


@dataclass(frozen=True)
class There:
    """What is in the account before the runtime is."""

    vpc: str
    subnets: dict[str, str]
    foreign_subnet: str
    zones: dict[str, str]
    certificates: dict[str, str]
    secrets: dict[str, str]

    def network(self, public: str, private: str, address_range: str = "10.9.0.0/16") -> list[Change]:
        """Returns the changes that use the VPC with subnets, given by their letters."""
        named = self.subnets | {"f": self.foreign_subnet, "x": "subnet-0123abc1"}
        return [
            ('"10.0.0.0/16"', f'"{address_range}"'),
            ('existing_vpc_id = ""', f'existing_vpc_id = "{self.vpc}"'),
            (
                "existing_public_subnet_ids = []",
                f"existing_public_subnet_ids = {json.dumps([named[x] for x in public])}",
            ),
            (
                "existing_private_subnet_ids = []",
                f"existing_private_subnet_ids = {json.dumps([named[x] for x in private])}",
            ),
        ]


def zone(name: str) -> Change:
    return ('hosted_zone_id = ""', f'hosted_zone_id = "{name}"')


def certificate(arn: str) -> Change:
    return ('certificate_arn = ""', f'certificate_arn = "{arn}"')


def secret(arn: str) -> Change:
    return ('\nsecret_arn = ""', f'\nsecret_arn = "{arn}"')


def issuer(client_secret: str) -> list[Change]:
    return [
        ('\nissuer = ""', '\nissuer = "https://issuer.example.org"'),
        ('jwks_url = ""', 'jwks_url = "https://issuer.example.org/keys"'),
        ('discovery_url = ""', 'discovery_url = "https://issuer.example.org/.well-known/openid-configuration"'),
        ('client_id = ""', 'client_id = "client"'),
        ('client_secret_arn = ""', f'client_secret_arn = "{client_secret}"'),
        ('\nscope = ""', '\nscope = "tools"'),
    ]


def in_region(region: str) -> Change:
    return ('region = "us-east-1"', f'region = "{region}"')


CASES: dict[str, tuple[Callable[[There], list[Change]], str]] = {
    "no such hosted zone": (
        lambda _: [zone("Z0ABSENT")],
        f"The hosted zone of {PLACE} does not exist in account {ACCOUNT}: correct address.hosted_zone_id = Z0ABSENT,",
    ),
    "a private hosted zone": (
        lambda there: [zone(there.zones["private"])],
        "is private, so that neither a certificate nor the gateway can use it: give address.hosted_zone_id the public",
    ),
    "a domain outside the hosted zone": (
        lambda there: [zone(there.zones["other"])],
        f"The host name mcp-runtime.example.com of {PLACE} does not lie in its hosted zone",
    ),
    "no such certificate": (
        lambda _: [certificate(ABSENT_CERTIFICATE), UNCONNECTED],
        f"The certificate of {PLACE} does not exist there: correct address.certificate_arn = arn:",
    ),
    "a certificate of other names": (
        lambda there: [certificate(there.certificates["other"]), UNCONNECTED],
        "is for *.mcp-runtime.example.com, example.com, not for the host name mcp-runtime.example.com: correct address",
    ),
    "a name that leads nowhere": (
        lambda there: [certificate(there.certificates["right"])],
        f"The host name mcp-runtime.example.com of {PLACE} leads nowhere, so that the gateway",
    ),
    "no such VPC": (
        lambda there: [(old, new.replace(there.vpc, "vpc-0123abcd")) for old, new in there.network("ab", "ab")],
        f"The VPC of {PLACE} does not exist there: correct network.existing_vpc_id = vpc-0123abcd.",
    ),
    "another range than the VPC's": (
        lambda there: there.network("ab", "ab", "10.8.0.0/16"),
        "has the range 10.9.0.0/16, not network.address_range = 10.8.0.0/16: give it one of its own.",
    ),
    "a subnet that does not exist": (
        lambda there: there.network("ax", "ab"),
        "has no subnet subnet-0123abc1: correct network.existing_public_subnet_ids.",
    ),
    "a subnet of another VPC": (
        lambda there: there.network("ab", "af"),
        "correct network.existing_private_subnet_ids.",
    ),
    "subnets in one zone": (
        lambda there: there.network("ab", "ac"),
        "all lie in us-east-1a: name subnets of two or three different zones in network.existing_private_subnet_ids.",
    ),
    "two public subnets in one zone": (
        lambda there: there.network("abc", "ab"),
        "lie in us-east-1a, but a load balancer takes one of each zone: remove one of them from network.",
    ),
    "a public subnet too small": (
        lambda there: there.network("at", "ab"),
        "is a /28, too small for a load balancer: name one of at least /27 in network.existing_public_subnet_ids.",
    ),
    "no such secret": (
        lambda _: [secret(ABSENT_SECRET)],
        f"The secret of {PLACE} does not exist there: correct compute.secret_arn = arn:aws:secret",
    ),
    "a secret that is being deleted": (
        lambda there: [secret(there.secrets["deleted"])],
        "is scheduled for deletion: restore it, or give compute.secret_arn another than arn:aws:secretsmanager:",
    ),
    "a secret with a key of its own": (
        lambda there: [secret(there.secrets["own-key"])],
        "which the runtime may not use: encrypt arn:aws:secretsmanager:",
    ),
    "no secret of the client": (
        lambda _: issuer(ABSENT_SECRET),
        "does not exist there: correct identity.client_secret_arn = arn:aws:secretsmanager:",
    ),
    "zones without Fargate": (
        lambda _: [in_region("us-west-1")],
        f"A new VPC of the target {ACCOUNT} us-west-1 would span us-west-1b (usw1-az2), which has no Fargate: use an",
    ),
    "too few zones": (
        lambda _: [in_region("eu-west-2"), ("zones = 2", "zones = 3")],
        "(eu-west-2b, eu-west-2c), fewer than network.zones = 3: set network.zones to 2 for it, or use an existing",
    ),
}


@pytest.fixture(autouse=True)
def in_process(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in this process; the templates are generated once and not linted, which other tests do."""
    monkeypatch.setenv(STATE_VARIABLE, str(project.folder / "aws"))
    monkeypatch.setattr(deployment, "linted", lambda settings: generated())
    monkeypatch.setattr(deployment, "template_dicts", dicts)


@pytest.fixture(scope="module")
def there(project: Project) -> There:
    """Makes what the configurations name; the local AWS starts with the first command."""
    assert project.run("status").status == 0
    ec2, route53, acm, secrets = (project.client(name) for name in ("ec2", "route53", "acm", "secretsmanager"))
    vpc, foreign = (ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"] for number in (9, 8))

    def subnet(block: str, zone: str, of: str) -> str:
        return str(ec2.create_subnet(VpcId=of, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"])

    def hosted(domain: str, **settings: Any) -> str:
        made = route53.create_hosted_zone(Name=domain, CallerReference=domain + str(settings), **settings)
        return str(made["HostedZone"]["Id"]).rpartition("/")[2]

    def issued(name: str, *names: str) -> str:
        more = {"SubjectAlternativeNames": list(names)} if names else {}
        return str(acm.request_certificate(DomainName=name, ValidationMethod="DNS", **more)["CertificateArn"])

    key = project.client("kms").create_key()["KeyMetadata"]["KeyId"]
    kept = {
        "right": secrets.create_secret(Name="right", SecretString='{"API_KEY": "x"}')["ARN"],
        "deleted": secrets.create_secret(Name="deleted", SecretString="{}")["ARN"],
        "own-key": secrets.create_secret(Name="own-key", SecretString="{}", KmsKeyId=key)["ARN"],
    }
    secrets.delete_secret(SecretId="deleted")
    london = project.client("ec2", "eu-west-2")
    default = london.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    london.delete_subnet(SubnetId=min(default, key=lambda one: one["AvailabilityZone"])["SubnetId"])
    private_zone = {"HostedZoneConfig": {"PrivateZone": True}, "VPC": {"VPCRegion": REGION, "VPCId": vpc}}
    return There(
        vpc=vpc,
        subnets={
            "a": subnet("10.9.0.0/24", "us-east-1a", vpc),
            "b": subnet("10.9.1.0/24", "us-east-1b", vpc),
            "c": subnet("10.9.2.0/24", "us-east-1a", vpc),
            "t": subnet("10.9.3.0/28", "us-east-1b", vpc),
        },
        foreign_subnet=subnet("10.8.0.0/24", "us-east-1b", foreign),
        zones={
            "public": hosted("example.com"),
            "other": hosted("example.org"),
            "private": hosted("example.com", **private_zone),
        },
        certificates={
            "right": issued("*.example.com"),
            "other": issued("*.mcp-runtime.example.com", "example.com"),
        },
        secrets=kept,
    )


@pytest.fixture(scope="module")
def held(project: Project, there: There) -> Callable[[], dict[str, Any]]:
    """Tells what the account holds of everything that a deployment makes or changes."""
    names = ("cloudformation", "route53", "s3", "ecr", "iam", "ec2")
    cloudformation, route53, s3, ecr, iam, ec2 = (project.client(name) for name in names)

    def found() -> dict[str, Any]:
        zones = [found["Id"] for found in route53.list_hosted_zones()["HostedZones"]]
        return {
            "stacks": [stack["StackId"] for stack in cloudformation.describe_stacks()["Stacks"]],
            "sets": cloudformation.list_stack_sets()["Summaries"],
            "buckets": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
            "repositories": ecr.describe_repositories()["repositories"],
            "roles": [role["RoleName"] for role in iam.list_roles()["Roles"]],
            "records": [route53.list_resource_record_sets(HostedZoneId=name)["ResourceRecordSets"] for name in zones],
            "networks": [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]],
        }

    return found


@pytest.fixture(scope="module")
def before(held: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the account held before any command."""
    return held()


def run(project: Project, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    """Runs a command in this process; returns its status and the sentences that it ends with."""
    status = build.main([*words, "--local", "--config", str(project.configuration)])
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    lines = shown.err.splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    assert lines[len(lines) - len(errors) :] == errors
    return status, [one_sentence(line) for line in errors]


@pytest.mark.parametrize("case", CASES)
def test_configuration_that_does_not_fit_the_account_changes_nothing(
    project: Project,
    there: There,
    held: Callable[[], dict[str, Any]],
    before: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    case: str,
) -> None:
    changes, expected = CASES[case]
    project.configure(*changes(there))
    status, sentences = run(project, capsys, "deploy")
    assert (status, len(sentences)) == (2, 1), sentences
    assert expected in sentences[0]
    assert held() == before


@pytest.mark.parametrize("target", [[], ["--target", f"{ACCOUNT}/{REGION}"]])
def test_there_is_nothing_to_call_yet(
    project: Project, there: There, capsys: pytest.CaptureFixture[str], target: list[str]
) -> None:
    project.configure()
    status, sentences = run(project, capsys, "invoke", "echo", "message=x", *target)
    assert (status, len(sentences)) == (2, 1)
    assert sentences[0].startswith("There is no runtime that these credentials reach; deploy one, or choose another")


def test_every_mistake_is_told_at_once(project: Project, there: There, capsys: pytest.CaptureFixture[str]) -> None:
    project.configure(zone("Z0ABSENT"), secret(ABSENT_SECRET), *there.network("ab", "ac"))
    status, sentences = run(project, capsys, "deploy")
    assert status == 2
    assert [
        word for word in ("hosted zone", "secret", "subnets") for told in sentences if f"The {word} of" in told
    ] == [
        "hosted zone",
        "secret",
        "subnets",
    ]


def test_zone_that_is_there_twice_is_not_guessed(project: Project, there: There) -> None:
    """Local mode makes a zone and takes any; on AWS the same lookup goes by the function that this calls."""
    route53 = project.client("route53")
    twin = route53.create_hosted_zone(Name="example.org", CallerReference="twin")["HostedZone"]["Id"]
    with pytest.raises(UsageError, match=f"Account {ACCOUNT} has 2 public hosted zones named example.org"):
        zone_of(route53, "example.org", ACCOUNT)
    route53.delete_hosted_zone(Id=twin)
    assert zone_of(route53, "example.org", ACCOUNT) == there.zones["other"]
    with pytest.raises(UsageError, match=f"Account {ACCOUNT} has no public hosted zone named example.net; make one"):
        zone_of(route53, "example.net", ACCOUNT)


def test_bucket_of_another_account_is_refused_and_nothing_is_put_into_it(
    project: Project, there: There, capsys: pytest.CaptureFixture[str]
) -> None:
    project.configure()
    assert run(project, capsys, "package") == (0, [])
    s3 = project.client("s3")
    (bucket,) = [found["Name"] for found in s3.list_buckets()["Buckets"] if "artifact" in found["Name"]]
    for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=bucket)
    status, sentences = run(project, capsys, "package")
    assert status == 1
    assert sentences[0].startswith(f"The artifact bucket {bucket} is gone, though the foundation made it;")

    stranger = project.client("s3", account=STRANGER)
    stranger.create_bucket(Bucket=bucket)
    stranger.delete_public_access_block(Bucket=bucket)
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:*"}
    document = {"Version": "2012-10-17", "Statement": [{**everybody, "Resource": [f"arn:aws:s3:::{bucket}/*"]}]}
    stranger.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    s3.put_object(Bucket=bucket, Key="open", Body=b"to everybody")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key="open", Body=b"but not by mistake", ExpectedBucketOwner=ACCOUNT)
    status, sentences = run(project, capsys, "package")
    assert status == 1
    assert sentences[0].startswith(f"S3 refuses the artifact bucket {bucket} (403): it belongs to another account than")
    assert [found["Key"] for found in stranger.list_objects_v2(Bucket=bucket)["Contents"]] == ["open"]

    stranger.delete_object(Bucket=bucket, Key="open")
    stranger.delete_bucket(Bucket=bucket)
    assert run(project, capsys, "destroy", "--foundation", "--yes")[0] == 0
    assert run(project, capsys, "package") == (0, [])


def test_same_command_works_with_what_is_right(
    project: Project, there: There, capsys: pytest.CaptureFixture[str]
) -> None:
    project.configure(
        ('name = ""                       # empty: runtime.name', 'name = "tools"'),
        zone(there.zones["public"]),
        secret(there.secrets["right"]),
        *there.network("ab", "cb"),
    )
    assert run(project, capsys, "deploy") == (0, [])


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (["invoke", "absent"], 1, f"The runtime of {ACCOUNT} {REGION} has no tool absent; its tools are echo, get_sys"),
        (
            ["invoke", "echo", "message=x", "--target", "somewhere"],
            2,
            "There is no target somewhere that these credent",
        ),
        (["invoke", "echo", "message=x", "--target", f"{STRANGER}/{REGION}"], 2, f"there are: {ACCOUNT}/{REGION}."),
    ],
)
def test_call_that_cannot_be_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str], words: list[str], status: int, expected: str
) -> None:
    ended, sentences = run(project, capsys, *words)
    assert (ended, len(sentences)) == (status, 1)
    assert expected in sentences[0]


def test_arguments_that_the_tool_does_not_take_are_its_own_answer(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, capsys, "invoke", "echo", "massage=x") == (1, [])
    assert run(project, capsys, "invoke", "echo", "message=x") == (0, [])


def test_runtime_is_not_renamed(
    project: Project, held: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    right = project.configuration.read_text(encoding="utf-8")
    project.configuration.write_text(right.replace('name = "mcp-runtime"', 'name = "renamed"'), encoding="utf-8")
    standing = held()
    status, sentences = run(project, capsys, "deploy")
    assert (status, len(sentences)) == (2, 1)
    assert sentences[0].startswith("The runtimes of the stack set tools are named mcp-runtime, and a gateway cannot be")
    assert held() == standing
    project.configuration.write_text(right, encoding="utf-8")
    assert run(project, capsys, "deploy") == (0, [])

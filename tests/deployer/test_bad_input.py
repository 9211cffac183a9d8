"""Bad input that is refused before AWS is asked: through the command line, one sentence each, status 2."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import build
from tests.deployer.loopback import HttpServer, Reply, Request

ACCOUNT = "111111111111"
TARGET = f'[[targets]]\naccount = "{ACCOUNT}"\nregion = "us-east-1"\n'
OTHER_REGION = TARGET.replace("us-east-1", "eu-west-1")
IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::222222222222:root</Arn><UserId>222222222222</UserId><Account>222222222222</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
Main = Callable[..., tuple[int, str]]


def secret(region: str = "us-east-1", account: str = ACCOUNT, partition: str = "aws") -> str:
    return f"arn:{partition}:secretsmanager:{region}:{account}:secret:tools-AbCdEf"


def certificate(region: str = "us-east-1", account: str = ACCOUNT) -> str:
    return f"arn:aws:acm:{region}:{account}:certificate/0f0e0f0e"


def subnets(public: list[str], private: list[str]) -> str:
    return (
        f'[network]\nexisting_vpc_id = "vpc-0123abcd"\nexisting_public_subnet_ids = {json.dumps(public)}\n'
        f"existing_private_subnet_ids = {json.dumps(private)}\n"
    )


A, B = "subnet-0123abc1", "subnet-0123abc2"
CONFIGURATIONS = {
    "an empty file": ("", "give at least one [[targets]] with an account and a region."),
    "no TOML": ("[runtime\n" + TARGET, "is not valid TOML: Expected ']' at the end of a table declaration (at line 1,"),
    "a key twice": (
        "[runtime]\nname = 'a1'\nname = 'b1'\n" + TARGET,
        "is not valid TOML: Cannot overwrite a value (at",
    ),
    "a text without quotes": ("[runtime]\nname = tools\n" + TARGET, "is not valid TOML: Invalid value (at line 2,"),
    "an unknown section": ("[adress]\n" + TARGET, "adress is not a setting; did you mean address?"),
    "an unknown key": (
        "[compute]\nmin_tsks = 2\n" + TARGET,
        "compute.min_tsks is not a setting; did you mean compute.m",
    ),
    "a key that resembles none": (
        "[compute]\nzebra = 2\n" + TARGET,
        "compute.zebra is not a setting; the keys here are",
    ),
    "a section that is no table": ("runtime = 'x'\n" + TARGET, "runtime must be a table with the keys name, preset,"),
    "a table as value": ("[runtime]\nname = {a = 1}\n" + TARGET, "runtime.name = {'a': 1} must be 2 to 20 lower-case"),
    "a date as value": ("[runtime]\nname = 2020-01-01\n" + TARGET, "runtime.name = 2020-01-01 must be 2 to 20"),
    "a NUL in a name": ('[runtime]\nname = "a\\u0000b"\n' + TARGET, "must be 2 to 20 lower-case letters"),
    "a name too long": (f'[runtime]\nname = "{"a" * 21}"\n' + TARGET, "must be 2 to 20 lower-case letters"),
    "a name of one letter": (
        '[runtime]\nname = "a"\n' + TARGET,
        "runtime.name = 'a' must be 2 to 20 lower-case letters",
    ),
    "an unknown preset": (
        '[runtime]\npreset = "prod"\n' + TARGET,
        "runtime.preset = 'prod' must be development or prod",
    ),
    "a text for a switch": ('[runtime]\ndeletion_protection = "yes"\n' + TARGET, 'must be true, false or "preset".'),
    "a number for a switch": ("[network]\ninterface_endpoints = 1\n" + TARGET, "= 1 must be true or false."),
    "no target": ("[runtime]\n", "give at least one [[targets]] with an account and a region."),
    "targets that are no list": (
        "[targets]\naccount = 'x'\n",
        "give at least one [[targets]] with an account and a reg",
    ),
    "a target twice": (TARGET + TARGET, "targets[2] repeats account 111111111111 in us-east-1; remove one of the two."),
    "an account id as number": (TARGET.replace(f'"{ACCOUNT}"', ACCOUNT), "must be a 12-digit id in quotes such as"),
    "an account id too short": (TARGET.replace(ACCOUNT, "1111"), "targets[1].account = '1111' must be a 12-digit id"),
    "a zone for a Region": (TARGET.replace("us-east-1", "us-east-1a"), "= 'us-east-1a' must be a Region such as eu-w"),
    "no such Region": (TARGET.replace("us-east-1", "us-est-1"), "'us-est-1' is no AWS Region; did you mean us-"),
    "two partitions": (
        TARGET + TARGET.replace("us-east-1", "cn-north-1"),
        "in the target 111111111111 cn-north-1: the Region lies in the partition aws-cn and stack_set.home_region",
    ),
    "no such home Region": (
        '[stack_set]\nhome_region = "eu-wst-1"\n' + TARGET,
        "stack_set.home_region = 'eu-wst-1' is n",
    ),
    "two targets of one name": (
        '[address]\nparent_domain = "example.com"\n' + TARGET + OTHER_REGION,
        "would both be named mcp-runtime.example.com; set address.host_labels to region, account or account-region.",
    ),
    "a host name too long": (
        f'[address]\nparent_domain = "{"a" * 45}.example.com"\n' + TARGET,
        "has 69 characters, but a certificate takes 64 at most; shorten runtime.name or address.parent_domain",
    ),
    "a host name outside the domain": (
        '[address]\nparent_domain = "example.com"\nhost_name = "mcp.example.org"\n' + TARGET,
        "address.host_name = mcp.example.org does not lie in address.parent_domain = example.com; correct one of them",
    ),
    "a host name that only ends like the domain": (
        '[address]\nparent_domain = "example.com"\nhost_name = "mcp.myexample.com"\n' + TARGET,
        "address.host_name = mcp.myexample.com does not lie in address.parent_domain = example.com",
    ),
    **{
        f"the host name {name}": (
            f'[address]\nhosted_zone_id = "Z1"\nhost_name = "{name}"\n' + TARGET,
            "must be a lower-case host name such as mcp.example.com of at most 64 characters, or empty.",
        )
        for name in ("-a.example.com", "a-.example.com", "A.example.com", "a_b.example.com", "mcp", "a..com", "*.a.com")
    },
    "a label too long": (
        f'[address]\nhost_name = "{"a" * 64}.com"\n' + TARGET,
        "must be a lower-case host name such as",
    ),
    "a URL for a domain": (
        '[address]\nparent_domain = "https://example.com"\n' + TARGET,
        "must be a lower-case domain",
    ),
    "a path for a zone": (
        '[address]\nhosted_zone_id = "/hostedzone/Z1"\n' + TARGET,
        "must be a hosted zone id such as",
    ),
    "a zone without a name": ('[address]\nhosted_zone_id = "Z1"\n' + TARGET, "With a hosted zone, give its domain as"),
    "a name without trust": (
        '[address]\nhost_name = "a.example.com"\n' + TARGET,
        "give its hosted zone or the ARN of an",
    ),
    "a certificate of another Region": (
        f'[address]\nhost_name = "a.example.com"\ncertificate_arn = "{certificate("eu-west-1")}"\n' + TARGET,
        "address.certificate_arn names a certificate of account 111111111111 in eu-west-1, but a load balancer takes",
    ),
    "a certificate of another account": (
        f'[address]\nhost_name = "a.example.com"\ncertificate_arn = "{certificate(account="222222222222")}"\n' + TARGET,
        "address.certificate_arn names a certificate of account 222222222222 in us-east-1, but a load balancer takes",
    ),
    "a certificate of IAM": (
        f'[address]\ncertificate_arn = "arn:aws:iam::{ACCOUNT}:server-certificate/x"\n' + TARGET,
        "must be the ARN of an ACM certificate, or empty.",
    ),
    "a range with host bits": (
        '[network]\naddress_range = "10.0.0.5/16"\n' + TARGET,
        "has host bits; write 10.0.0.0/16.",
    ),
    "an address for a range": (
        '[network]\naddress_range = "10.0.0.0"\n' + TARGET,
        "must be an IPv4 range between /16 and",
    ),
    "a range too large": (
        '[network]\naddress_range = "10.0.0.0/8"\n' + TARGET,
        "must be an IPv4 range between /16 and /24",
    ),
    "an IPv6 range": ('[network]\naddress_range = "fd00::/56"\n' + TARGET, "must be an IPv4 range between /16 and /24"),
    "a number over 255": ('[network]\naddress_range = "10.0.300.0/16"\n' + TARGET, "must be an IPv4 range between /16"),
    "a range of loopback": ('[network]\naddress_range = "127.0.0.0/16"\n' + TARGET, "lies in a block that no host has"),
    "a range too small": (
        '[network]\naddress_range = "10.0.0.0/24"\n' + TARGET,
        "6 subnets of 12 host bits do not fit in",
    ),
    "too many zones": ("[network]\nzones = 4\n" + TARGET, "network.zones = 4 must be 2 or 3."),
    "a VPC without subnets": (
        '[network]\nexisting_vpc_id = "vpc-0123abcd"\n' + TARGET,
        "public exposure, give its public subnets.",
    ),
    "subnets without a VPC": (
        f'[network]\nexisting_public_subnet_ids = ["{A}"]\n' + TARGET,
        "give the existing VPC that",
    ),
    "one subnet": (
        subnets([A], [A, B]) + TARGET,
        "network.existing_public_subnet_ids must name two or three different",
    ),
    "a subnet twice": (
        subnets([A, B], [A, A]) + TARGET,
        "network.existing_private_subnet_ids must name two or three di",
    ),
    "an id that is none": (
        subnets(["subnet-1"], [A, B]) + TARGET,
        "must be subnet ids such as subnet-0123456789abcdef0",
    ),
    "fewest above most": (
        "[compute]\nmin_tasks = 4\nmax_tasks = 2\n" + TARGET,
        "compute.max_tasks must be at least 4.",
    ),
    "no task": ("[compute]\nmin_tasks = 0\n" + TARGET, "compute.min_tasks = 0 must be a number from 2 to 10."),
    "no such pair": (
        '[compute]\ntask_size = "256-4096"\n' + TARGET,
        "must be preset or a pair of CPU units and MiB that",
    ),
    "a fraction": (
        "[compute]\ncpu_target_percent = 60.5\n" + TARGET,
        "cpu_target_percent = 60.5 must be between 10 and 9",
    ),
    "not a number": (
        "[compute]\ncpu_target_percent = nan\n" + TARGET,
        "cpu_target_percent = nan must be between 10 and 90",
    ),
    "a share of Spot": (
        "[compute]\nspot_percent = 33\n" + TARGET,
        "compute.spot_percent = 33 must be 0, 25, 50 or 75.",
    ),
    "a secret's name": (
        '[compute]\nsecret_arn = "tools"\n' + TARGET,
        "must be the whole ARN of a Secrets Manager secret",
    ),
    "a secret's ARN without its end": (
        f'[compute]\nsecret_arn = "{secret().removesuffix("-AbCdEf")}"\n' + TARGET,
        "must be the whole ARN of a Secrets Manager secret, with the six characters at its end, or empty.",
    ),
    "a secret of another Region": (
        f'[compute]\nsecret_arn = "{secret("eu-west-1")}"\n' + TARGET,
        "compute.secret_arn names a secret of account 111111111111 in eu-west-1, but the tasks read only one of their",
    ),
    "a secret of another account": (
        f'[compute]\nsecret_arn = "{secret(account="222222222222")}"\n' + TARGET,
        "compute.secret_arn names a secret of account 222222222222 in us-east-1, but the tasks read only one of their",
    ),
    "a secret of another partition": (
        f'[compute]\nsecret_arn = "{secret(partition="aws-cn")}"\n' + TARGET,
        "compute.secret_arn begins with arn:aws-cn, but us-east-1 lies in the partition aws; copy the ARN again.",
    ),
    "half an issuer": ('[identity]\nissuer = "https://a.example.com"\n' + TARGET, "give identity.jwks_url too."),
    "an issuer without TLS": (
        '[identity]\nissuer = "http://a.example.com"\n' + TARGET,
        "must be an https:// URL of at m",
    ),
    "everybody as caller": (
        '[gateway]\nallowed_principals = ["*"]\n' + TARGET,
        "must be ARNs of IAM roles, users or acc",
    ),
    "a text for a list": (
        f'[gateway]\nallowed_principals = "arn:aws:iam::{ACCOUNT}:root"\n' + TARGET,
        "must be a list of",
    ),
    "more callers than fit": (
        f"[gateway]\nallowed_principals = {[f'arn:aws:iam::{ACCOUNT}:role/{n:010}' for n in range(120)]}\n" + TARGET,
        "bytes, but a parameter holds 4096 at most.",
    ),
    "a retention that is none": (
        "[operations]\nlog_retention_days = 8\n" + TARGET,
        "a number of days that CloudWatch L",
    ),
    "an address without @": ('[operations]\nalarm_email = "me"\n' + TARGET, "must be an e-mail address, or empty."),
    "a tag for a digest": (
        '[image]\ndigest = "latest"\n' + TARGET,
        "must be sha256: and 64 hexadecimal digits, or empty.",
    ),
    "a repository that is none": (
        '[image]\nrepository = "Server"\n' + TARGET,
        "must be the name of an ECR repository with",
    ),
    "a stack set's name": (
        '[stack_set]\nname = "1"\n' + TARGET,
        "stack_set.name = '1' must be letters, digits and hyph",
    ),
    "an ARN for a role's name": (
        f'[stack_set]\nexecution_role_name = "arn:aws:iam::{ACCOUNT}:role/x"\n' + TARGET,
        "must be the name of an IAM role.",
    ),
    "no role's name": ('[stack_set]\nexecution_role_name = ""\n' + TARGET, "= '' must be the name of an IAM role."),
    "an organization's name": (
        '[stack_set]\norganization_id = "us"\n' + TARGET,
        "must be an organization id such as o-",
    ),
    "a Region twice in the order": (
        '[stack_set]\nregion_order = ["us-east-1", "us-east-1"]\n' + TARGET,
        "stack_set.region_order names us-east-1 twice; remove one of the two.",
    ),
    "an unknown override": (
        TARGET + "overrides.compute.task_sise = 'x'",
        "did you mean targets[1].overrides.compute.task_s",
    ),
    "an override of nothing": (
        TARGET + "overrides = 3",
        "targets[1].overrides must be a table with the keys runtime, add",
    ),
    "an override of the image": (
        TARGET + "overrides.image.digest = ''",
        "targets[1].overrides.image is not a setting; the",
    ),
    "an override that does not fit the rest": (
        TARGET + "overrides.compute.min_tasks = 9",
        "in the target 111111111111 us-east-1: With compute.min_tasks 9, compute.max_tasks must be at least 9.",
    ),
}


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("deployer.aws.FIRST_ATTEMPTS", 1)


@pytest.fixture
def main(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Main:
    """Runs a command with a configuration; returns its status and the sentence that it ends with."""

    def run(*words: str, configuration: str | bytes | None = TARGET) -> tuple[int, str]:
        file = tmp_path / "deployment.toml"
        if configuration is not None:
            file.write_bytes(configuration if isinstance(configuration, bytes) else configuration.encode())
        given = [] if "--config" in words else ["--config", str(file)]
        try:
            status = build.main([*words, *given])
        except SystemExit as ended:
            assert isinstance(ended.code, int)
            status = ended.code
        shown = capsys.readouterr()
        assert shown.out == ""
        assert len(shown.err.splitlines()) == 1, shown.err
        return status, one_sentence(shown.err.strip()).replace(f"{tmp_path}{os.sep}", "")

    return run


def one_sentence(line: str) -> str:
    assert line.startswith("Error: ")
    assert line.endswith((".", "?"))
    assert not re.search(r"[.?!] [A-Z]", line), "that is more than one sentence"
    assert "not foreseen" not in line
    return line.removeprefix("Error: ")


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configuration_is_refused_with_file_key_and_remedy(main: Main, name: str) -> None:
    configuration, expected = CONFIGURATIONS[name]
    status, sentence = main("deploy", configuration=configuration)
    assert status == 2
    assert sentence.startswith("deployment.toml")
    assert expected in sentence


NEEDED = {"connect": ["--client", "python"], "invoke": ["echo"], "destroy": ["--yes"]}
"""What commands need besides a configuration."""

NO_CONFIGURATION = ("generate", "local", "dev", "new-tool")
"""Commands that read none."""

NO_CREDENTIALS = (*NO_CONFIGURATION, "lint", "cost", "diagram", "portal")
"""Commands that need none; the portal's page says what it lacks without them."""


@pytest.mark.parametrize("name", [one.name for one in build.COMMANDS if one.name not in NO_CONFIGURATION])
def test_every_command_that_reads_the_configuration_refuses_it(main: Main, name: str) -> None:
    status, sentence = main(name, *NEEDED.get(name, []), configuration="[runtime]\nnome = 'x'\n" + TARGET)
    assert (status, sentence) == (2, "deployment.toml: runtime.nome is not a setting; did you mean runtime.name?")


@pytest.mark.parametrize("prefix", ["", "\ufeff"])
def test_what_is_right_goes_on_to_the_credentials(main: Main, prefix: str) -> None:
    status, sentence = main("deploy", configuration=prefix + TARGET.replace("\n", "\r\n"))
    assert status == 2
    assert sentence.startswith("There are no AWS credentials; run `aws configure`")


def test_file_that_cannot_be_read_is_named(main: Main, tmp_path: Path) -> None:
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    for file, expected in (
        (tmp_path / "absent.toml", "There is no configuration file absent.toml; copy deployment.example.toml to it"),
        (tmp_path, "cannot be read"),
        (loop, "The configuration file loop.toml cannot be read"),
    ):
        status, sentence = main("deploy", "--config", str(file))
        assert status == 2
        assert expected in sentence
    status, sentence = main("deploy", configuration='[runtime]\nname = "é"\n'.encode("latin-1"))
    assert status == 2
    assert "The configuration file deployment.toml cannot be read: 'utf-8' codec can't decode byte" in sentence


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["deplyo"], "Argument COMMAND: invalid choice: 'deplyo'"),
        (["deploy", "--chek"], "Unrecognized arguments: --chek; `python build.py --help` shows what there is."),
        (["deploy", "--output", "yaml"], "Argument --output: invalid choice: 'yaml'"),
        (["invoke"], "The following arguments are required: TOOL"),
        (["deploy", "--region", "eu-west-9"], "--region = 'eu-west-9' is no AWS Region; did you mean eu-west-"),
        (["deploy", "--local", "--endpoint-url", "http://127.0.0.1:9"], "--local starts an AWS of its own"),
        (["invoke", "echo", '{"a": '], "The tool's arguments are not valid JSON: Expecting value"),
        (["invoke", "echo", "[1]"], "'[1]' is no argument; write name=value, or one JSON object."),
        (["invoke", "echo", "message"], "'message' is no argument; write name=value, or one JSON object."),
        (["invoke", "echo", "=x"], "'=x' is no argument; write name=value, or one JSON object."),
        (["invoke", "echo", "a=1", "a=2"], "The argument a is given twice."),
        (["destroy"], "This removes things and nobody is there to be asked; give --yes to go ahead."),
    ],
)
def test_arguments_are_refused(main: Main, words: list[str], expected: str) -> None:
    status, sentence = main(*words)
    assert status == 2
    assert sentence.startswith(expected)


@pytest.mark.parametrize(
    ("words", "files", "expected"),
    [
        ([], {}, "There are no AWS credentials"),
        (["--profile", "absent"], {}, "There is no AWS profile named 'absent'; `aws configure list-profiles` lists"),
        (["--profile", "half"], {"credentials": "[half]\naws_access_key_id = x\n"}, "There are no AWS credentials"),
        (["--profile", "x"], {"aws": "[profile x\n"}, "AWS cannot be asked"),
        (
            ["--profile", "sso"],
            {
                "aws": "[profile sso]\nsso_start_url = https://x\nsso_region = us-east-1\n"
                "sso_account_id = 1\nsso_role_name = r\n"
            },
            "The sign-in of the AWS profile has ended; run `aws sso login` and try again.",
        ),
    ],
)
def test_credentials_that_are_none_are_refused(
    main: Main, tmp_path: Path, words: list[str], files: dict[str, str], expected: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    status, sentence = main("deploy", *words)
    assert status == 2
    assert sentence.startswith(expected)


class Endpoint:
    """What answers in the place of AWS, and whether it was asked for anything but an identity."""

    def __init__(self) -> None:
        self.reply = Reply(200)
        self.asked: list[bytes] = []

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request.body)
        return self.reply


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Endpoint, str]]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    answers = Endpoint()
    with HttpServer(answers) as server:
        yield answers, f"http://127.0.0.1:{server.port}"


def refused(code: str) -> Reply:
    text = f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
    return Reply(403, text.encode(), {"content-type": "text/xml"})


@pytest.mark.parametrize("command", [one.name for one in build.COMMANDS if one.name not in NO_CREDENTIALS])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (refused("ExpiredToken"), "AWS refuses the credentials (ExpiredToken); renew them or choose another profile"),
        (refused("InvalidClientTokenId"), "AWS refuses the credentials (InvalidClientTokenId); renew them or choose"),
        (refused("SignatureDoesNotMatch"), "AWS refuses the credentials (SignatureDoesNotMatch); renew them or choose"),
        (
            Reply(200, b"<html>Welcome</p>", {"content-type": "text/html"}),
            "What answers in AWS's place does not speak its protocol; check --endpoint-url and proxies.",
        ),
        (
            Reply(200, IDENTITY.encode(), {"content-type": "text/xml"}),
            "The credentials are of account 222222222222, but stack_set.administration_account says 1111",
        ),
    ],
)
def test_credentials_that_aws_refuses_or_that_are_another_account_s(
    main: Main, endpoint: tuple[Endpoint, str], command: str, reply: Reply, expected: str
) -> None:
    answers, url = endpoint
    answers.reply = reply
    configuration = f'[stack_set]\nadministration_account = "{ACCOUNT}"\n{TARGET}'
    status, sentence = main(command, *NEEDED.get(command, []), "--endpoint-url", url, configuration=configuration)
    assert status == 2
    assert sentence.startswith(expected)
    assert answers.asked == [b"Action=GetCallerIdentity&Version=2011-06-15"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nowhere", "'nowhere' is no URL of an AWS endpoint"),
        ("ftp://127.0.0.1:9", "'ftp://127.0.0.1:9' is no URL of an AWS endpoint"),
        ("http://127.0.0.1:9", "AWS cannot be reached (Could not connect to the endpoint URL:"),
    ],
)
def test_endpoint_that_is_none_is_refused(main: Main, endpoint: tuple[Endpoint, str], url: str, expected: str) -> None:
    status, sentence = main("deploy", "--endpoint-url", url)
    assert status == 2
    assert sentence.startswith(expected)


@pytest.mark.parametrize("words", [["--release", "v1.0.0"], ["--allow-breaking"]])
def test_taking_the_product_back_publishes_nothing(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["publish", "--withdraw", "--yes", *words]) == 2
    assert capsys.readouterr().err.startswith("Error: --withdraw takes the product back and publishes nothing;")

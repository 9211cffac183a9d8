"""The configuration: every parameter reachable, every key documented, every mistake one sentence with file and key."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import UsageError
from deployer.sections import PARAMETER, SECTIONS, VARIABLE, fits, keys
from deployer.settings import Settings, load, parse
from deployer.target_checks import host_name
from deployer.targets import Target
from generator import parameters as p
from generator.evaluation import PSEUDO, Deployment
from generator.stacks import template_dicts
from server.provider_settings import read_providers

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deployment.example.toml"
ACCOUNT = "111111111111"
TARGET = {"account": ACCOUNT, "region": "us-east-1"}
CERTIFICATE = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/0f0e"

ELSEWHERE = CERTIFICATE.replace("us-east-1", "eu-west-1")


def read(text: str) -> Settings:
    return parse(tomllib.loads(text), "deployment.toml")


def with_target(text: str) -> str:
    return f'{text}\n[[targets]]\naccount = "{ACCOUNT}"\nregion = "us-east-1"\n'


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(text)
    sentence = str(caught.value)
    assert sentence.startswith("deployment.toml: ")
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence
    assert caught.value.exit_status == 2
    return sentence


def test_every_parameter_but_those_that_packaging_fills_is_reachable_once() -> None:
    reached = [setting.metadata[PARAMETER] for kind in VARIABLE.values() for setting in keys(kind).values()]
    filled = {p.IMAGE_ACCOUNT, p.IMAGE_REPOSITORY, p.IMAGE_DIGEST, p.TOOL_SCHEMA_URI, p.TOOL_SCHEMA_ACCOUNT}
    filled |= {*p.ACCESS_STATEMENTS, p.TOOL_PROVIDERS}
    assert sorted(parameter.name for parameter in reached) == sorted({x.name for x in p.ALL} - {x.name for x in filled})


def test_example_documents_every_key_with_its_default() -> None:
    document = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert {name: list(document[name]) for name in SECTIONS} == {name: list(keys(SECTIONS[name])) for name in SECTIONS}
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    roles = ("administration_role_name", "execution_role_name")
    for line in lines:
        if re.match(r"\w+ = ", line) and not line.startswith((*roles, "account", "region")):
            assert " # " in line, f"nothing is said of {line}"
    for name, kind in SECTIONS.items():
        for key, setting in keys(kind).items():
            given_value = document[name][key]
            default = list(setting.default) if isinstance(setting.default, tuple) else setting.default
            if (name, key) != ("address", "parent_domain"):
                assert given_value == default, f"{name}.{key}"


def test_example_is_a_whole_configuration_with_one_local_target() -> None:
    settings = load(EXAMPLE)
    assert settings.targets == (Target(ACCOUNT, "us-east-1"),)
    assert settings.address.parent_domain == "example.com"
    assert settings.image.digest == ""
    assert settings.stack_set.name == "mcp-runtime"
    assert settings.stack_set.home_region == "us-east-1"
    assert settings.parameters() == {
        parameter.name: "example.com" if parameter is p.PARENT_DOMAIN else parameter.default
        for parameter in p.ALL
        if parameter.group != p.IMAGE and parameter not in (p.TOOL_SCHEMA_URI, p.TOOL_SCHEMA_ACCOUNT)
    }


def test_values_become_parameters_as_cloudformation_takes_them() -> None:
    settings = read(
        with_target(
            """
            [runtime]
            deletion_protection = true
            [address]
            connect_gateway = false
            [network]
            zones = 3
            interface_endpoints = true
            existing_vpc_id = "vpc-0123abcd"
            existing_public_subnet_ids = ["subnet-00123abc1", "subnet-00123abc2"]
            existing_private_subnet_ids = ["subnet-00123abc3", "subnet-00123abc4"]
            [compute]
            cpu_target_percent = 70
            [gateway]
            firewall = "off"
            [operations]
            log_retention_days = 30
            """
        )
    )
    wanted = {
        "DeletionProtection": "on",
        "ConnectGateway": "off",
        "ZoneCount": "3",
        "InterfaceEndpoints": "on",
        "ExistingPublicSubnetIds": "subnet-00123abc1,subnet-00123abc2",
        "CpuTarget": "70",
        "Firewall": "off",
        "LogRetentionDays": "30",
    }
    assert {name: settings.parameters()[name] for name in wanted} == wanted
    assert settings.network.zones == 3
    assert settings.address.connect_gateway is False


def test_overrides_hold_only_what_a_target_does_not_share() -> None:
    settings = read(
        """
        [compute]
        task_size = "512-1024"
        [[targets]]
        account = "111111111111"
        region = "us-east-1"
        overrides.compute.task_size = "512-1024"
        [[targets]]
        account = "222222222222"
        region = "eu-west-1"
        [targets.overrides.compute]
        task_size = "1024-2048"
        min_tasks = 3
        [targets.overrides.gateway]
        firewall = true
        """
    )
    same, other = settings.targets
    assert settings.overrides(same) == {}
    assert settings.overrides(other) == {"TaskSize": "1024-2048", "MinTasks": "3", "Firewall": "on"}
    assert settings.effective(other)["TaskSize"] == "1024-2048"
    assert settings.effective(other)["MaxTasks"] == "4"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[adress]", "adress is not a setting; did you mean address?"),
        (
            '[address]\nparent_domian = "x"',
            "address.parent_domian is not a setting; did you mean address.parent_domain?",
        ),
        ("[compute]\nzebra = 1", "compute.zebra is not a setting; the keys here are cpu_architecture, task_size,"),
        ("runtime = 3", "runtime must be a table with the keys name, preset, deletion_protection."),
        ('[runtime]\nname = "My Server"', "runtime.name = 'My Server' must be 2 to 20 lower-case letters"),
        (f'[runtime]\nname = "{"a" * 21}"', "must be 2 to 20 lower-case letters"),
        ('[runtime]\nname = "a-"', "must be 2 to 20 lower-case letters"),
        ('[runtime]\nname = ""', "runtime.name = '' must be 2 to 20"),
        ('[runtime]\nname = "ab\\n"', "must be 2 to 20 lower-case letters"),
        ("[runtime]\nname = true", "runtime.name = true must be 2 to 20"),
        ("[runtime]\nname = 2020-01-01", "must be 2 to 20"),
        ("[network]\nzones = 4", "network.zones = 4 must be 2 or 3."),
        ("[network]\nzones = 2.0", "network.zones = 2.0 must be 2 or 3."),
        ("[network]\nsubnet_host_bits = 14", "network.subnet_host_bits = 14 must be between 5 and 13"),
        ("[network]\ninterface_endpoints = 1", "network.interface_endpoints = 1 must be true or false."),
        ('[compute]\ntask_size = "256-9999"', "must be preset or a pair of CPU units and MiB that Fargate has"),
        ("[compute]\nmin_tasks = 4\nmax_tasks = 2", "With compute.min_tasks 4, compute.max_tasks must be at least 4."),
        ('[network]\nexisting_public_subnet_ids = ["subnet-1"]', "must be subnet ids such as subnet-0123"),
        ('[gateway]\nallowed_principals = "arn"', 'must be a list of texts such as ["a", "b"].'),
        ('[gateway]\nallowed_principals = ["a,b"]', "hold neither commas nor spaces."),
        ('[image]\ndigest = "sha256:abc"', "image.digest = 'sha256:abc' must be sha256: and 64 hexadecimal digits"),
        ("[stack_set]\ncreate_execution_role = 1", "stack_set.create_execution_role = 1 must be true or false."),
        ("[stack_set]\nadministration_account = 111111111111", "12-digit account id in quotes"),
        ('[stack_set]\nhome_region = "us-est-1"', "stack_set.home_region = 'us-est-1' is no AWS Region; did you mean"),
        ('[network]\naddress_range = "10.0.0.0/24"', "6 subnets of 12 host bits do not fit in 10.0.0.0/24; set"),
        ('[address]\nhost_name = "mcp.example.com"', "With a host name or parent domain, give its hosted zone"),
        (f'[address]\ncertificate_arn = "{CERTIFICATE}"', "With an existing certificate, give the host name or"),
        (
            f'[address]\nparent_domain = "example.com"\ncertificate_arn = "{ELSEWHERE}"',
            "names a certificate of account 111111111111 in eu-west-1, but a load balancer takes only one of its own",
        ),
        (
            '[identity]\nissuer = "https://issuer.example.com"',
            "With an existing token issuer, give identity.jwks_url too.",
        ),
        (
            '[network]\nexisting_vpc_id = "vpc-0123abcd"',
            "With an existing VPC and public exposure, give its public subnets.",
        ),
        (
            f'[address]\nparent_domain = "{"a" * 45}.example.com"',
            "has 69 characters, but a certificate takes 64 at most",
        ),
    ],
)
def test_mistake_is_one_sentence_with_file_and_key(text: str, expected: str) -> None:
    assert expected in refusal(with_target(text))


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("", "give at least one [[targets]] with an account and a region."),
        ("targets = []", "give at least one [[targets]]"),
        ("targets = [1]", "targets[1] must be a table with the keys account, region, overrides."),
        (
            '[[targets]]\nregion = "us-east-1"',
            'targets[1] has no account; give it a 12-digit id in quotes such as "1111',
        ),
        (
            '[[targets]]\naccount = 111111111111\nregion = "us-east-1"',
            "targets[1].account = 111111111111 must be a 12-",
        ),
        ('[[targets]]\naccount = "111111111111"\nregion = "useast1"', "targets[1].region = 'useast1' must be a Region"),
        (
            '[[targets]]\naccount = "111111111111"\nregion = "us-east-9"',
            "targets[1].region = 'us-east-9' is no AWS Reg",
        ),
        (with_target("") * 2, "targets[2] repeats account 111111111111 in us-east-1; remove one of the two."),
        (with_target("") + "overrides.image.digest = ''", "targets[1].overrides.image is not a setting"),
        (with_target("") + "overrides.compute.zones = 3", "targets[1].overrides.compute.zones is not a setting"),
        (with_target("") + "overrides.network.zones = 9", "targets[1].overrides.network.zones = 9 must be 2 or 3."),
        (
            with_target("") + "overides.network.zones = 3",
            "targets[1].overides is not a setting; did you mean targets[1].",
        ),
        (
            with_target("") + "overrides.compute.min_tasks = 9",
            "in the target 111111111111 us-east-1: With compute.min_t",
        ),
    ],
)
def test_mistake_in_a_target_names_the_target(targets: str, expected: str) -> None:
    assert expected in refusal(targets)


@pytest.mark.parametrize(
    ("labels", "refused"), [("none", True), ("region", True), ("account", True), ("account-region", False)]
)
def test_two_targets_with_one_host_name_are_refused(labels: str, refused: bool) -> None:
    places = [("111111111111", "us-east-1"), ("111111111111", "eu-west-1"), ("222222222222", "us-east-1")]
    tables = "".join(f'[[targets]]\naccount = "{account}"\nregion = "{region}"\n' for account, region in places)
    text = f'[address]\nparent_domain = "example.com"\nhost_labels = "{labels}"\n{tables}'
    if refused:
        assert "would both be named mcp-runtime." in refusal(text)
    else:
        assert len(read(text).targets) == 3


def test_targets_without_an_endpoint_share_no_name() -> None:
    other = '[[targets]]\naccount = "222222222222"\nregion = "us-east-1"\n'
    assert len(read(with_target("") + other).targets) == 2


@pytest.mark.parametrize("labels", p.HOST_LABELS.allowed_values)
@pytest.mark.parametrize("custom", ["", "tools.example.org"])
@pytest.mark.parametrize("parent", ["", "example.com"])
def test_host_name_is_the_template_s(labels: str, custom: str, parent: str) -> None:
    values: Mapping[str, str] = {
        **{parameter.name: parameter.default or "" for parameter in p.ALL},
        "HostLabels": labels,
        "CustomHostName": custom,
        "ParentDomain": parent,
        "HostedZoneId": "Z1",
    }
    deployment = Deployment(template_dicts(), "runtime.yaml").given(values)
    expected = deployment.output(deployment.root, "HostName")
    assert host_name(values, PSEUDO["AWS::AccountId"], PSEUDO["AWS::Region"]) == expected


def test_file_that_is_missing_or_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"There is no configuration file .*absent\.toml; copy deployment\.example\.toml"
    ):
        load(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[runtime\n")
    with pytest.raises(UsageError, match=r"broken\.toml is not valid TOML: .*line 1"):
        load(broken)
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        load(broken)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@given(
    section=st.sampled_from(sorted(SECTIONS)),
    number=st.integers(0, 20),
    value=ANYTHING,
)
def test_whatever_a_value_is_it_fits_or_is_explained(section: str, number: int, value: Any) -> None:
    settings = keys(SECTIONS[section])
    key = sorted(settings)[number % len(settings)]
    try:
        made = parse({section: {key: value}, "targets": [TARGET]}, "deployment.toml")
    except UsageError as error:
        made = None
        sentence = str(error)
    if made is None:
        assert "\n" not in sentence
        return
    values = made.parameters()
    assert all(fits(parameter, values[parameter.name]) for parameter in p.ALL if parameter.name in values)


AGENT = "arn:aws:iam::111122223333:role/agent"
ENFORCED = '[gateway]\ntool_access = "enforce"\n'


def granting(*tables: tuple[str, str], mode: str = ENFORCED) -> str:
    return with_target(mode + "".join(f"[[access]]\nprincipal = {who}\ntools = {tools}\n" for who, tools in tables))


def test_access_becomes_the_statements_of_the_policy_engine() -> None:
    settings = read(granting((f'"{AGENT}"', '["echo"]'), ('"*"', '["get_system_info"]')))
    values = settings.parameters()
    assert values["ToolAccess"] == "enforce"
    assert "assumed-role/agent" in values["AccessStatement1"]
    assert "mcp___get_system_info" in values["AccessStatement2"]
    assert [values[slot.name] for slot in p.ACCESS_STATEMENTS[2:]] == ["", "", ""]
    assert all(fits(slot, values[slot.name]) for slot in p.ACCESS_STATEMENTS)
    assert not settings.overrides(settings.targets[0])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            granting((f'"{AGENT}"', '["ecko"]')),
            "access[1].tools = 'ecko' names no tool of the server; nearest is echo.",
        ),
        (granting(('"agent"', '["echo"]')), "access[1].principal = 'agent' must be the ARN of"),
        (granting((f'"{AGENT}"', '["echo"]'), (f'"{AGENT}"', '["*"]')), "access[2] repeats the principal of access[1]"),
        (granting((f'"{AGENT}"', '["echo", "echo"]')), "access[1].tools names 'echo' twice"),
        (granting((f'"{AGENT}"', "[]")), "access[1].tools must be a list of tool names"),
        (granting(("7", '["echo"]')), "access[1].principal must be the ARN of who may call"),
        (granting(('"*"', '["echo"]'), mode=""), "nobody is held to it; set gateway.tool_access to"),
        (granting(), 'gateway.tool_access = "enforce" refuses what no [[access]] grants, and there is none'),
        (granting(mode='[gateway]\ntool_access = "on"\n'), "must be off, log-only or enforce"),
        (with_target("[access]\nx = 1\n"), "access must be tables headed [[access]]"),
        (with_target("access = [1]\n"), "access[1] must be a table with the keys principal and tools"),
        (granting((f'"{AGENT}"', '["echo"]\nx = 1')), "access[1].x is not a setting; the keys here are"),
    ],
)
def test_access_that_cannot_be_meant_is_refused(text: str, sentence: str) -> None:
    assert sentence in refusal(text)


def test_access_that_the_templates_cannot_carry_says_how_much_fits() -> None:
    tables = [(f'"{AGENT}-{"x" * 50}-{number}"', '["*"]') for number in range(200)]
    sentence = refusal(granting(*tables))
    assert "takes 7 statements of at most 4096 bytes, and the templates carry 5: its first 160 tables fit" in sentence
    assert len(read(granting(*tables[:160])).statements) == 5


TABLES = st.fixed_dictionaries({}, optional={"principal": ANYTHING, "tools": ANYTHING, "tool": ANYTHING})


@given(found=ANYTHING | st.lists(TABLES, max_size=2))
def test_whatever_access_is_it_is_taken_or_explained(found: Any) -> None:
    document = {"access": found, "gateway": {"tool_access": "log-only"}, "targets": [TARGET]}
    try:
        made = parse(document, "deployment.toml")
    except UsageError as error:
        assert "\n" not in str(error)
        return
    assert bool(made.statements) == bool(found)


PROVIDER = """
[[providers]]
name = "orders"
kind = "openapi"
source = "server/apis/orders.json"
tools = ["get_*"]
timeout = 20
"""


def test_providers_become_one_parameter_that_the_server_reads() -> None:
    settings = read(with_target(PROVIDER))
    text = settings.parameters()[p.TOOL_PROVIDERS.name]
    assert fits(p.TOOL_PROVIDERS, text)
    (found,) = read_providers(text)
    assert (found.name, found.kind, found.source, found.tools) == (
        "orders",
        "openapi",
        "server/apis/orders.json",
        ("get_*",),
    )
    assert found.seconds == 20
    assert read(with_target("")).parameters()[p.TOOL_PROVIDERS.name] == ""


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"orders"', '"Orders"', "has the name 'Orders'"),
        ('"openapi"', '"soap"', "has the kind 'soap'; write one of package, openapi, mcp."),
        ("server/apis/orders.json", "../orders.json", "the path of a document in the image"),
        ("server/apis/orders.json", "http://api.example.com", "the path of a document in the image"),
        ("timeout = 20", "timeout = 500", "write seconds from 1 to 120"),
        ("timeout = 20", "timeouts = 20", "has the unknown key timeouts"),
        ("timeout = 20", 'timeout = "20"', "is of another type"),
        ("timeout = 20", 'credential = "key"', "a key of compute.secret_arn, which is not set"),
        ('["get_*"]', "[]", "write names of tools"),
        ('["get_*"]', '["a b"]', "write names of tools"),
        ("timeout = 20", 'base_url = "http://plain.example.com"', "write an https:// URL"),
        ("timeout = 20", 'credential_header = "X: y"', "write a header's name"),
        ('["get_*"]', str([f"tool_{number}" * 5 for number in range(200)]), "characters and may take 4096"),
        ("timeout = 20", f"timeout = 20{PROVIDER}", "two [[providers]] have the name orders"),
    ],
)
def test_providers_that_cannot_be_meant_are_refused(old: str, new: str, sentence: str) -> None:
    assert sentence in refusal(with_target(PROVIDER.replace(old, new, 1)))


def test_pinned_tools_and_providers_contradict_each_other() -> None:
    assert "names others" in refusal(with_target(PROVIDER + '\n[gateway]\ntool_listing = "pinned"\n'))

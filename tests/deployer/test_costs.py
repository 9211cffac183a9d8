"""The command `cost`: configurations of one and of many targets, what-if, and prices renewed over the wire."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import build
from deployer import aws
from deployer import costs as costs_module
from generator.cost.items import ITEMS, Item
from generator.cost.prices import HOME, held, read, written
from generator.cost.traffic import Traffic

ONE = """
[address]
parent_domain = "example.com"
host_labels = "account-region"

[[targets]]
account = "111111111111"
region = "us-east-1"
"""
MANY = f"""{ONE}
[[targets]]
account = "111111111111"
region = "eu-west-1"
overrides.runtime.preset = "production"

[[targets]]
account = "222222222222"
region = "us-east-1"
overrides.compute.min_tasks = 4
"""
UNITS = """
[address]
parent_domain = "example.com"
host_labels = "account"

[stack_set]
permission_model = "service-managed"
administration_account = "111111111111"

[[targets]]
organizational_unit = "ou-ab12-11111111"
region = "us-east-1"
"""


def cost(capsys: pytest.CaptureFixture[str], folder: Path, text: str, *words: str) -> Any:
    """Runs `cost` with a configuration; returns its JSON document, with the status where it is not 0."""
    file = folder / "deployment.toml"
    file.write_text(text, encoding="utf-8")
    status = build.main(["cost", "--config", str(file), "--output", "json", *words])
    told = capsys.readouterr()
    return json.loads(told.out) if status == 0 else (status, told.err)


def test_the_set_is_its_targets_and_publishing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = cost(capsys, tmp_path, MANY)
    assert [(one["account"], one["region"], one["preset"]) for one in found["targets"]] == [
        ("111111111111", "us-east-1", "development"),
        ("111111111111", "eu-west-1", "production"),
        ("222222222222", "us-east-1", "development"),
    ]
    for case in ("low", "expected", "high"):
        parts = [one["total"][case] for one in [*found["targets"], found["publishing"]]]
        assert found["total"][case] == pytest.approx(sum(parts), abs=0.01)
        assert found["total"][case] == pytest.approx(sum(one[case] for one in found["components"].values()), abs=0.01)
    first, second, third = found["targets"]
    # The second runtime of an account finds its free alarms used up; another account has its own.
    assert first["components"]["Alarms, metrics, dashboard"] == third["components"]["Alarms, metrics, dashboard"]
    alarms = [
        sum(row["usd"]["expected"] for row in one["rows"] if row["item"] == "alarm-metric") for one in (first, second)
    ]
    # Production has the firewall's alarm too, over two metrics.
    assert alarms[1] - alarms[0] == pytest.approx((10 + 2) * 0.10)
    assert third["components"]["Fargate tasks"]["low"] == pytest.approx(36.0401)
    replicas = [row for row in found["publishing"]["rows"] if row["what"] == "replicas of the images"]
    assert [row["amount"]["expected"] for row in replicas] == [pytest.approx(1000 / 1024, abs=1e-4)]


def test_one_target_of_many_and_its_presets(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = cost(capsys, tmp_path, MANY, "--target", "222222222222/us-east-1")
    assert [one["account"] for one in found["targets"]] == ["222222222222"]
    assert found["presets"]["development"]["total"] == found["targets"][0]["total"]
    assert found["presets"]["production"]["total"]["low"] > found["presets"]["development"]["total"]["low"]
    status, error = cost(capsys, tmp_path, MANY, "--target", "333333333333/us-east-1")
    assert status == 2 and error.startswith("Error: 333333333333/us-east-1 is no target; the targets are 1111")


def test_an_organizational_unit_is_priced_for_one_account(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found, one = cost(capsys, tmp_path, UNITS), cost(capsys, tmp_path, ONE)
    assert found["targets"][0]["account"] == "ou-ab12-11111111"
    assert found["targets"][0]["total"] == one["targets"][0]["total"]


def test_credentials_and_profiles_do_not_matter(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-nobody")
    (tmp_path / "broken").write_text("[[[", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "broken"))
    for made in (aws._unconfigured, aws.dns_suffix, aws.partition_of, aws.known_regions):
        made.cache_clear()
    assert cost(capsys, tmp_path, ONE)["total"]["expected"] > 0


def test_traffic_is_what_the_options_say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    usual, none = cost(capsys, tmp_path, ONE), cost(capsys, tmp_path, ONE, "--requests-per-day", "0")
    assert none["total"]["expected"] - none["total"]["low"] < 0.2  # what is built and kept for publishing
    words = ("--requests-per-day", "1000000", "--payload-bytes", "50000", "--searches-per-day", "1000")
    busy = cost(capsys, tmp_path, ONE, *words)
    assert busy["assumed"]["requests_per_day"] == 1e6 and busy["total"]["expected"] > usual["total"]["expected"] + 100
    searches = [row for row in busy["targets"][0]["rows"] if row["what"] == "searches by meaning"]
    assert [row["usd"]["expected"] for row in searches] == [pytest.approx(1000 * 730 / 24 * 0.025 / 1000, abs=1e-4)]


def test_what_the_options_say_of_themselves_is_what_is_assumed() -> None:
    (command,) = [one for one in build.COMMANDS if one.name == "cost"]
    said = {names[0]: settings["help"] for names, settings in command.arguments if "default:" in settings["help"]}
    assumed = {f"--{name.replace('_', '-')}": value for name, value in vars(Traffic()).items()}
    assert len(said) == 5
    for name, text in said.items():
        assert text.endswith(f"(default: {assumed[name]:g})")


def test_publishing_is_where_the_home_region_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = cost(capsys, tmp_path, ONE, "--region", "eu-west-1")
    assert found["publishing"]["region"] == "eu-west-1" and found["targets"][0]["region"] == "us-east-1"
    status, error = cost(capsys, tmp_path, ONE, "--region", "eu-west-9")
    assert status == 2 and "eu-west-9" in error


def test_what_if_changes_every_target_and_nothing_else(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = cost(capsys, tmp_path, MANY, "--what-if", "compute.min_tasks=4", "--what-if", "runtime.preset=production")
    assert found["total"] == cost(capsys, tmp_path, MANY)["total"]
    assert {one["preset"] for one in found["what_if"]["targets"]} == {"production"}
    tasks = [one["components"]["Fargate tasks"]["low"] for one in found["what_if"]["targets"]]
    assert tasks == [pytest.approx(4 * 36.0401, abs=0.001)] * 3
    assert (tmp_path / "deployment.toml").read_text(encoding="utf-8") == MANY


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ("compute.min_tasks=99", "--what-if: compute.min_tasks = 99 must be a number from 2 to 10."),
        ("compute.min_task=3", "--what-if: compute.min_task is not a setting; did you mean compute.min_tasks?"),
        ("min_tasks=3", "--what-if 'min_tasks=3' is not section.key=value; the sections are runtime,"),
        ("image.digest=x", "--what-if 'image.digest=x' is not section.key=value; the sections are runtime,"),
        ("compute.min_tasks", "--what-if 'compute.min_tasks' is not section.key=value;"),
        ("compute.min_tasks=8", "--what-if: "),  # more than the most
    ],
)
def test_a_wish_that_cannot_be_is_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, wish: str, sentence: str
) -> None:
    status, error = cost(capsys, tmp_path, ONE, "--what-if", wish)
    assert status == 2 and error.startswith(f"Error: {sentence}") and error.count("\n") == 1


def test_the_tables_say_what_they_rest_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "deployment.toml"
    file.write_text(MANY, encoding="utf-8")
    assert build.main(["cost", "--config", str(file)]) == 0
    told = capsys.readouterr().out
    assert "The table has no price of eu-west-1: those of us-east-1 stand in" in told
    assert "10,000 requests a day" in told and "Not in these figures: " in told
    assert build.main(["cost", "--config", str(file), "--what-if", "gateway.firewall=true"]) == 0
    told = capsys.readouterr().out
    (line,) = [line for line in told.splitlines() if line.startswith("Firewall")]
    assert line.split()[-1] == "+46.73"  # two targets get one; production has one


class PriceList(ThreadingHTTPServer):
    """What the Price List API and STS answer, in their wire format; `prices` are by usage type and Region."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.asked: list[dict[str, Any]] = []
        self.products: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.refuses = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def sell(self, item: Item, region: str, prefix: str, *tiers: float, operation: str = "") -> None:
        """Offers an item; several tiers begin at 0, 100 and so on."""
        assert item.key is not None
        usage_type = prefix + item.key.usage_type
        dimensions = {
            f"S.T.{index}": {
                "unit": item.unit,
                "beginRange": str(index * 100),
                "endRange": "Inf",
                "description": "",
                "appliesTo": [],
                "rateCode": f"S.T.{index}",
                "pricePerUnit": {"USD": f"{usd:.10f}"},
            }
            for index, usd in enumerate(tiers)
        }
        attributes = {"regionCode": region, "usagetype": usage_type, "operation": operation or item.key.operation}
        product = {
            "product": {"productFamily": "", "attributes": attributes, "sku": "XSZATS4VYMDC9CYN"},
            "serviceCode": item.key.service,
            "terms": {"OnDemand": {"S.T": {"priceDimensions": dimensions, "sku": "S", "offerTermCode": "T"}}},
            "version": "20261101000000",
            "publicationDate": "2026-11-01T00:00:00Z",
        }
        self.products.setdefault((item.key.service, region), []).append(product)


class _Answering(BaseHTTPRequestHandler):
    server: PriceList

    def do_POST(self) -> None:
        """Answers as AWS does: STS in XML, the Price List in JSON, a page of one product at a time."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "AWSPriceListService" not in self.headers.get("X-Amz-Target", ""):
            account = "<Account>111111111111</Account><Arn>arn:aws:iam::111111111111:root</Arn><UserId>x</UserId>"
            result = f"<GetCallerIdentityResult>{account}</GetCallerIdentityResult>"
            self._send("text/xml", f"<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>")
            return
        if self.server.refuses:
            sentence = "User: x is not authorized to perform: pricing:GetProducts"
            refusal = {"__type": "AccessDeniedException", "Message": sentence}
            self._send("application/x-amz-json-1.1", json.dumps(refusal), 400)
            return
        asked = json.loads(body)
        self.server.asked.append(asked)
        wanted = {one["Field"]: one for one in asked["Filters"]}
        assert wanted["regionCode"]["Type"] == "EQUALS" and wanted["usagetype"]["Type"] == "CONTAINS"
        offered = self.server.products.get((asked["ServiceCode"], wanted["regionCode"]["Value"]), [])
        part = wanted["usagetype"]["Value"]
        fitting = [one for one in offered if part in one["product"]["attributes"]["usagetype"]]
        start = int(asked.get("NextToken", "0"))
        page: dict[str, Any] = {
            "FormatVersion": "aws_v1",
            "PriceList": list(map(json.dumps, fitting[start : start + 1])),
        }
        if start + 1 < len(fitting):
            page["NextToken"] = str(start + 1)
        self._send("application/x-amz-json-1.1", json.dumps(page))

    def _send(self, kind: str, text: str, status: int = 200) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
        """Keeps quiet."""


@pytest.fixture
def price_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PriceList]:
    """A Price List of this machine, and a copy of the table that may be written."""
    copied = tmp_path / "prices.toml"
    copied.write_text(written(held()), encoding="utf-8")
    monkeypatch.setattr(costs_module, "FILE", copied)
    monkeypatch.setattr(costs_module, "held", lambda: read(copied.read_text(encoding="utf-8")))
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    server = PriceList()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def prices_of(file: Path) -> Mapping[tuple[str, str], Any]:
    """Returns the prices of a table by item and Region."""
    return {(price.item.name, price.region): price for price in read(file.read_text(encoding="utf-8"))}


def test_a_regions_own_prices_come_first(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = cost(capsys, tmp_path, ONE.replace("us-east-1", "eu-west-2"))["targets"][0]
    assert found["components"]["NAT gateways"]["low"] == 0.05 * 730
    assert "nat-gateway" not in found["priced_as_in_us_east_1"] and found["priced_as_in_us_east_1"]
    file = tmp_path / "deployment.toml"
    assert build.main(["cost", "--config", str(file)]) == 0
    assert re.search(r"The table lacks [0-9]+ prices of eu-west-2: those of us-east-1", capsys.readouterr().out)


def test_prices_are_renewed_in_the_targets_regions(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, price_list: PriceList
) -> None:
    nat, vcpu, balancer, logs = (
        ITEMS[one] for one in ("nat-gateway", "fargate-vcpu", "load-balancer", "log-ingestion")
    )
    price_list.sell(nat, HOME, "", 0.05)
    price_list.sell(nat, "eu-west-1", "EU-", 0.048)
    price_list.sell(vcpu, HOME, "USE1-Spot", 0.01)  # no prefix of a Region: another product
    price_list.sell(vcpu, HOME, "USE1-", 0.0, 0.041, 0.03)  # the first tier that costs anything
    price_list.sell(balancer, HOME, "", 0.03, operation="LoadBalancing:Network")
    price_list.sell(balancer, HOME, "", 0.0225)
    price_list.sell(logs, HOME, "", 0.5)
    price_list.sell(logs, HOME, "USE1-", 0.6)  # which of the two is billed cannot be told
    price_list.sell(ITEMS["token-requests"], HOME, "USE1-", 0.002)
    before = prices_of(tmp_path / "prices.toml")
    found = cost(capsys, tmp_path, MANY, "--refresh", "--endpoint-url", price_list.url)
    table = prices_of(tmp_path / "prices.toml")

    assert table["nat-gateway", HOME].usd == 0.05 and table["nat-gateway", HOME].date == "2026-11-01"
    assert table["nat-gateway", HOME].source == "AWS Price List, NatGateway-Hours, SKU XSZATS4VYMDC9CYN"
    assert table["nat-gateway", "eu-west-1"].usd == 0.048
    assert table["fargate-vcpu", HOME].usd == 0.041
    assert table["load-balancer", HOME].usd == 0.0225
    assert table["token-requests", HOME].usd == 2.0  # of a thousand
    assert table["log-ingestion", HOME] == before["log-ingestion", HOME]
    assert found["refreshed"]["found"] == 5
    assert "nat-gateway in us-east-1: 0.045 → 0.05" in found["refreshed"]["changes"]
    assert "nat-gateway in eu-west-1: 0.048, which was not held" in found["refreshed"]["changes"]
    kept = " ".join(found["refreshed"]["kept"])
    assert "log-ingestion in us-east-1: the Price List has several different prices" in kept
    assert "fargate-vcpu in eu-west-1: the Price List has no price" in kept
    assert "fargate-spot-vcpu: the Price List is not asked for it" in kept
    # The bill is made with the new prices, and the Region that has some of its own says what is borrowed still.
    first, second, _ = found["targets"]
    assert first["components"]["NAT gateways"]["low"] == 36.5
    assert "nat-gateway" not in second["priced_as_in_us_east_1"] and second["priced_as_in_us_east_1"]


def test_every_key_is_asked_once_a_region(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, price_list: PriceList
) -> None:
    file = tmp_path / "deployment.toml"
    file.write_text(MANY, encoding="utf-8")
    assert build.main(["cost", "--config", str(file), "--refresh", "--endpoint-url", price_list.url]) == 0
    told = capsys.readouterr().out
    assert told.startswith("The Price List has 0 of the table's prices; 0 changed.\nKept as it was: nat-gateway in eu-")
    keyed = [item for item in ITEMS.values() if item.key is not None]
    assert len(price_list.asked) == 2 * len(keyed)
    assert (tmp_path / "prices.toml").read_text(encoding="utf-8") == written(held())


def test_a_refusal_is_one_sentence_and_leaves_the_table(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, price_list: PriceList
) -> None:
    price_list.refuses = True
    before = (tmp_path / "prices.toml").read_text(encoding="utf-8")
    status, error = cost(capsys, tmp_path, ONE, "--refresh", "--endpoint-url", price_list.url)
    assert status == 1 and error.count("\n") == 1 and "not authorized to perform: pricing:GetProducts" in error
    assert (tmp_path / "prices.toml").read_text(encoding="utf-8") == before


def test_the_machines_own_aws_has_no_prices(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, error = cost(capsys, tmp_path, ONE, "--refresh", "--local")
    assert status == 2 and error.startswith("Error: --refresh asks AWS for its prices")

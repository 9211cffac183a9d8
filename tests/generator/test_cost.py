"""What a deployment costs: every billable type has a price, presets cost what they cost, and more never costs less."""

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator import parameters as p
from generator.cost import items
from generator.cost.bill import WHOLE_ALLOWANCE, Bill, monthly
from generator.cost.coverage import FREE, METERS
from generator.cost.features import ENDPOINTS_INSTEAD, FEATURES, additions
from generator.cost.items import ITEMS
from generator.cost.metering import CALLS_AT_A_TIME
from generator.cost.operations_meters import ERROR_METRICS as COUNTED_ERRORS
from generator.cost.operations_meters import SERVER_METRICS
from generator.cost.prices import FILE, HOME, PriceTableError, held, read, written
from generator.cost.traffic import Amount, Traffic
from generator.evaluation import Deployment
from generator.presets import LOG_RETENTION_DAYS, PRESETS, SPOT_SHARES, TASK_COUNTS, TASK_SIZES
from generator.stacks import template_dicts
from generator.stacks.runtime import FLATTENED_FILE, PARENT_FILE
from server.settings import Settings
from server.tool_metrics import ERROR_METRICS, OK, ToolMetrics

GIVEN = {"ImageRegistryAccount": "111122223333", "ImageDigest": "sha256:" + "0" * 64}
NAMED = {"ParentDomain": "example.com", "HostedZoneId": "Z0123456789ABCDEFGHIJ"}
BASE = {parameter.name: parameter.default or "" for parameter in p.ALL} | GIVEN
PRICES = held()
NESTED = Deployment(template_dicts(), PARENT_FILE)
CASES = ("low", "expected", "high")


def bill(traffic: Traffic | None = None, /, **values: str) -> Bill:
    """Returns the bill of the runtime under values, in us-east-1."""
    assert values.keys() <= BASE.keys()
    return monthly(NESTED.given({**BASE, **NAMED, **values}), HOME, traffic or Traffic(), PRICES)


def types() -> set[str]:
    """Returns every resource type of the templates."""
    templates = template_dicts().values()
    return {str(one["Type"]) for template in templates for one in template["Resources"].values()}


def test_every_resource_type_of_the_templates_is_metered_or_free() -> None:
    assert METERS.keys() & FREE.keys() == set()
    missing = types() - METERS.keys() - FREE.keys()
    assert not missing, f"add a meter or a reason to generator/cost/coverage.py for {sorted(missing)}"
    assert METERS.keys() | FREE.keys() == types(), "a type is listed that no template has any more"
    assert all(FREE.values())


def test_every_item_has_a_dated_price_with_its_source() -> None:
    assert {price.item.name for price in PRICES if price.region == HOME} == ITEMS.keys()
    for price in PRICES:
        assert price.usd > 0 and price.source
        assert (price.low or price.usd) <= price.usd <= (price.high or price.usd)
        assert date(2025, 1, 1) <= date.fromisoformat(price.date)


def test_the_table_is_as_it_would_be_written() -> None:
    assert written(PRICES) == FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ('item = "nat-gateway"\nregion = "x"\nusd = 1\ndate = "2026-01-01"', "source"),
        ('item = "gold"\nregion = "x"\nusd = 1\ndate = "2026-01-01"\nsource = "s"', "gold"),
        ('item = "nat-gateway"\nregion = "x"\nusd = "much"\ndate = "2026-01-01"\nsource = "s"', "much"),
    ],
)
def test_a_wrong_entry_of_the_table_is_told_by_its_number(entry: str, complaint: str) -> None:
    with pytest.raises(PriceTableError, match=rf"\[\[prices\]\] number 1 is wrong: .*{complaint}"):
        read(f"[[prices]]\n{entry}\n")


def test_every_item_is_used_by_some_deployment() -> None:
    used: set[str] = set()
    for values in (
        {"AlarmEmail": "a@example.com"},
        {"Preset": "production", "InterfaceEndpoints": "on", "Exposure": "private", "ToolAccess": "log-only"},
        {"SpotPercent": "50"},
        {"SpotPercent": "50", "CpuArchitecture": "ARM64"},
    ):
        used |= {row.price.item.name for row in bill(**values).rows}
    account = Deployment(template_dicts(), "foundation-account.yaml")
    publishing = {name: str(one.get("Default", "")) for name, one in account.root.section("Parameters").items()}
    used |= {row.price.item.name for row in monthly(account.given(publishing), HOME, Traffic(), PRICES).rows}
    # Nothing asks for more than the 20 GB that every task has.
    assert used == ITEMS.keys() - {items.EPHEMERAL_HOUR.name}


def rounded(amount: Amount) -> dict[str, float]:
    """Returns an amount in cents."""
    return {case: round(getattr(amount, case), 2) for case in CASES}


@pytest.mark.parametrize(("preset", "usd"), [("development", 78.25), ("production", 191.81)])
def test_what_stands_without_a_request_is_what_a_calculation_by_hand_gives(preset: str, usd: float) -> None:
    """By hand: NAT gateways, tasks, load balancer, addresses and web ACLs; docs/cost.md holds the whole table."""
    counted = (
        *(items.NAT_HOUR, items.VCPU_HOUR, items.MEMORY_HOUR, items.ALB_HOUR, items.IPV4_HOUR),
        *(items.WEB_ACL, items.WEB_ACL_RULE),
    )
    rows = bill(Preset=preset).rows
    assert round(sum(row.usd.low for row in rows if row.price.item in counted), 2) == usd
    alarms = [row for row in rows if row.price.item is items.ALARM_METRIC]
    beyond = sum(row.amount.low for row in alarms) - 10
    assert round(sum(row.usd.low for row in alarms), 2) == round(0.10 * beyond, 2)


def test_nested_and_flattened_cost_the_same() -> None:
    flat = Deployment(template_dicts(), FLATTENED_FILE)
    for preset in PRESETS.rows:
        values = {**BASE, **NAMED, "Preset": preset, "InterfaceEndpoints": "on"}
        found = monthly(flat.given(values), HOME, Traffic(), PRICES)
        nested = bill(Preset=preset, InterfaceEndpoints="on")
        assert {name: rounded(amount) for name, amount in found.components.items()} == {
            name: rounded(amount) for name, amount in nested.components.items()
        }


def test_an_allowance_is_an_accounts_and_used_once() -> None:
    first = bill()
    second = monthly(NESTED.given({**BASE, **NAMED}), HOME, Traffic(), PRICES, first.rest)
    third = monthly(NESTED.given({**BASE, **NAMED}), HOME, Traffic(), PRICES, second.rest)
    alarms = [
        sum(row.usd.expected for row in one.rows if row.price.item is items.ALARM_METRIC)
        for one in (first, second, third)
    ]
    assert alarms[1] == alarms[2] == pytest.approx(alarms[0] + 10 * 0.10)
    assert first.rest["dashboard"] == (2, 2) and WHOLE_ALLOWANCE["dashboard"] == (3, 3)
    # An idle runtime has not used what a busy one has.
    assert first.rest["log-ingestion"][0] == 5 > first.rest["log-ingestion"][1] > 0
    assert first.total.high == second.total.high


def test_another_regions_prices_are_said_to_be_borrowed() -> None:
    assert bill().borrowed == ()
    found = monthly(NESTED.given({**BASE, **NAMED}), "eu-west-1", Traffic(), PRICES).borrowed
    assert items.NAT_HOUR.name in found and items.DASHBOARD.name not in found


def test_the_servers_metrics_are_counted_as_the_server_writes_them() -> None:
    counting = ToolMetrics("runtime")
    seen: set[str] = set()
    for outcome in (OK, *ERROR_METRICS):
        counting.begin("echo")
        counting.waited("echo", 1)
        counting.end("echo", outcome, 1)
        written_ones = {
            metric["Name"]
            for document in counting.documents(0)
            for directive in document["_aws"]["CloudWatchMetrics"]  # type: ignore[index]
            for metric in directive["Metrics"]
        }
        if outcome == OK:
            assert len(written_ones) == SERVER_METRICS
        seen |= written_ones
    assert len(seen) == SERVER_METRICS + len(ERROR_METRICS) and len(ERROR_METRICS) == COUNTED_ERRORS
    found = [row for row in bill(Traffic(tools=5)).rows if row.note == "metrics of 5 tools"]
    assert [row.amount.expected for row in found] == [6 * SERVER_METRICS]


def test_an_existing_vpc_costs_neither_nat_nor_its_addresses() -> None:
    subnets = {"ExistingPublicSubnetIds": "subnet-0a,subnet-0b", "ExistingPrivateSubnetIds": "subnet-0c,subnet-0d"}
    found = bill(ExistingVpcId="vpc-0a", **subnets)
    assert "NAT gateways" not in found.components
    assert [row.amount.expected for row in found.rows if row.price.item is items.IPV4_HOUR] == [2 * 730]


def test_spot_pays_on_demand_at_worst_and_base_and_weights_are_kept() -> None:
    without, having = bill(MinTasks="5", MaxTasks="5"), bill(MinTasks="5", MaxTasks="5", SpotPercent="75")
    hours = {row.price.item.name: row.amount.expected for row in having.rows}
    assert hours["fargate-vcpu"] == pytest.approx(2 * 0.25 * 730)
    assert hours["fargate-spot-vcpu"] == pytest.approx(3 * 0.25 * 730)
    assert having.total.low < without.total.low
    assert having.total.high == pytest.approx(without.total.high)


def test_a_task_runs_as_many_calls_as_the_server_does() -> None:
    assert Settings.max_concurrency == CALLS_AT_A_TIME


def test_busy_traffic_gets_more_tasks_up_to_the_most() -> None:
    def vcpu_hours(per_day: float, seconds: float) -> float:
        found = bill(Traffic(requests_per_day=per_day, seconds=seconds), MaxTasks="6")
        return sum(row.amount.expected for row in found.rows if row.price.item is items.VCPU_HOUR) / 730 / 0.25

    assert vcpu_hours(10_000, 0.5) == 2
    assert vcpu_hours(20_000_000, 0.1) == 5  # 13,889 a minute, 3,000 a task
    assert vcpu_hours(2_000_000, 10) == 4  # 231 calls at a time, 64 a task
    assert vcpu_hours(200_000_000, 10) == 6


def test_every_feature_is_priced_and_the_deployment_left_as_it_was() -> None:
    values = {**BASE, **NAMED}
    deployment = NESTED.given(values)
    found = {one.name: one for one in additions(deployment, values, lambda one: monthly(one, HOME, Traffic(), PRICES))}
    assert [*found] == [*(one.name for one in FEATURES[:3]), ENDPOINTS_INSTEAD, *(one.name for one in FEATURES[3:])]
    assert {name for name, one in found.items() if one.chosen} == {FEATURES[1].name}
    assert not any(one.refused for one in found.values())
    assert all(one.usd.expected for one in found.values())
    # Four services in two zones, less the NAT gateway with its address and its data.
    assert found[ENDPOINTS_INSTEAD].usd.low == pytest.approx(4 * 2 * 0.01 * 730 - 0.045 * 730 - 0.005 * 730)
    assert deployment.property("TaskDefinition", "Cpu") == "256"


def at_least(first: Amount, second: Amount) -> bool:
    """Returns whether the second amount is nowhere less than the first."""
    return all(getattr(second, case) >= getattr(first, case) - 1e-9 for case in CASES)


VALUES = st.fixed_dictionaries(
    {
        "Preset": st.sampled_from([*PRESETS.rows]),
        "Exposure": st.sampled_from(["public", "private"]),
        "InterfaceEndpoints": st.sampled_from(["on", "off"]),
        "CpuArchitecture": st.sampled_from(["X86_64", "ARM64"]),
        "SpotPercent": st.sampled_from([*SPOT_SHARES.rows]),
        "TaskSize": st.sampled_from(TASK_SIZES),
        "Firewall": st.sampled_from(["preset", "on", "off"]),
    }
)
TRAFFIC = st.builds(
    Traffic,
    requests_per_day=st.floats(0, 1e7),
    seconds=st.floats(0, 30),
    payload_bytes=st.floats(0, 1e6),
    log_bytes=st.floats(0, 1e5),
)


@settings(max_examples=60, deadline=None)
@given(VALUES, TRAFFIC)
def test_low_is_never_above_expected_nor_expected_above_high(values: Mapping[str, str], traffic: Traffic) -> None:
    for row in bill(traffic, **values).rows:
        assert 0 <= row.usd.low <= row.usd.expected + 1e-9
        assert row.usd.expected <= row.usd.high + 1e-9


@settings(max_examples=60, deadline=None)
@given(VALUES, TRAFFIC, st.data())
def test_more_never_costs_less(values: Mapping[str, str], traffic: Traffic, data: st.DataObject) -> None:
    def pair(choices: tuple[int, ...]) -> tuple[str, str]:
        less, more = sorted(data.draw(st.tuples(st.sampled_from(choices), st.sampled_from(choices))))
        return str(less), str(more)

    base = bill(traffic, **values)
    less, more = pair(TASK_COUNTS)
    most = {"MaxTasks": "10"}
    assert at_least(
        bill(traffic, **values, **most, MinTasks=less).total, bill(traffic, **values, **most, MinTasks=more).total
    )
    less, more = pair(LOG_RETENTION_DAYS)
    kept = [bill(traffic, **values, LogRetentionDays=days).total for days in (less, more)]
    assert at_least(*kept)
    for name, low, high in (
        ("ZoneCount", "2", "3"),
        ("NatGateways", "single", "per-zone"),
        ("ToolAccess", "off", "log-only"),
    ):
        assert at_least(bill(traffic, **values, **{name: low}).total, bill(traffic, **values, **{name: high}).total)
    doubled = Traffic(traffic.requests_per_day * 2, traffic.seconds, traffic.payload_bytes, traffic.log_bytes)
    assert at_least(base.total, bill(doubled, **values).total)

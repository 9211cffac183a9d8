"""Alarms and dashboard: every metric is one that somebody publishes, every alarm has its section, somebody is told."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer import runbook_page
from generator import parameters as p
from generator import presets, runbook
from generator.checks.findings import document
from generator.evaluation import PSEUDO, Deployment
from generator.published_metrics import OWN, PUBLISHED, refusal
from generator.stacks import template_dicts
from server.tool_metrics import ERROR_METRICS, NAMESPACE, OK, ToolMetrics

ROOT = Path(__file__).parents[2]
TEMPLATES = template_dicts()
ALARM, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
TERM = r'(\(ALARM\("A"\)( AND ALARM\("A"\))?\)|FALSE)'
FAST, SLOW = ("BurnsFastHour", "BurnsFastMinutes"), ("BurnsSlowlyHours", "BurnsSlowlyMinutes")
SIGNALS = ("QueueTime", "Faults", "RunningTaskCount", "Invocations", "BlockedRequests", "ConsumedLCUs", "IncomingBytes")
OF_THE_SERVICE = {"DeploymentErrors", "DeploymentUnhealthy"}
"""Alarms that the service's deployments watch."""
GIVEN = {parameter.name: parameter.default or "" for parameter in p.ALL}
WHOLE = {**GIVEN, "ParentDomain": "example.com", "HostedZoneId": "Z1", "Firewall": "on"}
BARE = {**GIVEN, "Firewall": "off"}


def deployed(values: Mapping[str, str], file: str = "runtime.yaml") -> Deployment:
    return Deployment(TEMPLATES, file, PSEUDO).given(values)


def metrics(deployment: Deployment, title: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Every metric of an alarm: namespace, name and the names of the dimensions."""
    found = deployment.properties(title)
    series = [one["MetricStat"]["Metric"] for one in found.get("Metrics", ()) if "MetricStat" in one]
    for one in [found] if "MetricName" in found else series:
        yield one["Namespace"], one["MetricName"], frozenset(item["Name"] for item in one.get("Dimensions", ()))
    for one in found.get("Metrics", ()):
        query = re.match(r'SELECT SUM\((\w+)\) FROM "([^"]+)" WHERE (\w+)', text(one.get("Expression", "")))
        if query:
            yield query[2], query[1], frozenset([query[3]])


def text(value: Any) -> str:
    return value if isinstance(value, str) else "".join(one if isinstance(one, str) else "<?>" for one in value.parts)


def test_every_metric_of_an_alarm_is_published_with_these_dimensions() -> None:
    found = deployed(WHOLE)
    resolved = []
    for title in found.existing(ALARM):
        mine = list(metrics(found, title))
        assert mine, title
        for namespace, name, dimensions in mine:
            if namespace == "McpRuntime":
                [made] = found.property("ServerErrorMetric", "MetricTransformations")
                assert (made["MetricNamespace"], made["MetricName"]) == (namespace, name)
            else:
                queried = "Metrics" in found.properties(title)
                assert refusal(namespace, name, dimensions, queried) == "", title
            resolved.append((title, name))
    assert len(resolved) >= 22
    assert {name for name, _ in resolved} == {one for entry in runbook.ENTRIES for one in entry.alarms}


@pytest.mark.parametrize(
    ("namespace", "metric", "dimensions", "told"),
    [
        ("AWS/Unheard", "Calls", "", "nobody is known to publish"),
        ("AWS/ECS", "CPUUsed", "ClusterName", "has no metric CPUUsed"),
        ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "TargetGroup", "is not published by TargetGroup"),
        ("AWS/ECS", "CPUUtilization", "", "is not published by no dimension"),
        ("AWS/Bedrock-AgentCore", "Throttles", "Resource", "only a query is about all of them"),
    ],
)
def test_what_nobody_publishes_is_told(namespace: str, metric: str, dimensions: str, told: str) -> None:
    assert told in refusal(namespace, metric, frozenset(dimensions.split()))


def test_own_metrics_are_those_that_the_server_writes() -> None:
    counting, written = ToolMetrics("runtime"), set()
    for outcome in (OK, *ERROR_METRICS):
        counting.begin("echo")
        counting.waited("echo", 1)
        counting.end("echo", outcome, 1)
    for directive in itertools.chain.from_iterable(
        one["_aws"]["CloudWatchMetrics"]  # type: ignore[index]
        for one in counting.documents(0)
    ):
        for metric, dimensions in itertools.product(directive["Metrics"], directive["Dimensions"]):
            written.add((metric["Name"], frozenset(dimensions)))
    assert NAMESPACE == OWN
    assert written == {(name, one) for name, sets in PUBLISHED[OWN].items() for one in sets}


@pytest.mark.parametrize("values", [WHOLE, BARE, {**WHOLE, "Firewall": "off"}], ids=["whole", "bare", "no firewall"])
@pytest.mark.parametrize("file", ["runtime.yaml", "runtime-flat.yaml"])
def test_each_alarm_tells_the_topic_through_one_composite_alarm(values: Mapping[str, str], file: str) -> None:
    found = deployed(values, file)
    assert set(found.existing(COMPOSITE)) == {"CallersFail", "NeedsAttention"}
    rules = {title: found.property(title, "AlarmRule") for title in found.existing(COMPOSITE)}
    named = [part.logical_id for rule in rules.values() for part in rule.parts if not isinstance(part, str)]
    assert sorted(named) == sorted(set(found.existing(ALARM)) - OF_THE_SERVICE)
    for title, rule in rules.items():
        words = "".join(part if isinstance(part, str) else "A" for part in rule.parts)
        assert re.fullmatch(rf"{TERM}( OR {TERM})*", words)
        assert [one.logical_id for one in found.property(title, "AlarmActions")] == ["AlarmTopic"]
    assert all("AlarmActions" not in found.properties(title) for title in found.existing(ALARM))


def test_alarms_of_what_is_off_are_not_there() -> None:
    assert {"FirewallBlocks", "CertificateExpires"} & set(deployed(BARE).existing(ALARM)) == set()
    assert {"FirewallBlocks", "CertificateExpires"} <= set(deployed(WHOLE).existing(ALARM))


def test_each_alarm_links_to_its_section_and_each_section_has_its_alarms() -> None:
    page = (ROOT / runbook.PAGE).read_text(encoding="utf-8")
    assert page == runbook_page.page()
    found = deployed({**WHOLE, "RunbookUrl": "https://wiki.example.com/runbook"})
    sections = re.findall(r"^## (.+)\n\n(.*)$", page, flags=re.MULTILINE)
    assert [heading for heading, _ in sections] == [entry.title for entry in runbook.ENTRIES]
    for heading, first in sections:
        anchor = re.sub(r"[^a-z]+", "-", heading.lower())
        for title in re.findall(r"`([A-Za-z]+)`", first.partition(". ")[0]):
            told = str(found.property(title, "AlarmDescription"))
            assert told.endswith(f"What to do: https://wiki.example.com/runbook#{anchor}")
            assert len(told) <= 1024


@pytest.mark.parametrize("objective", list(presets.BURN_RATES.rows))
def test_budget_burns_at_two_speeds_each_seen_in_two_windows(objective: str) -> None:
    found = deployed({**WHOLE, "AvailabilityObjectivePercent": objective})
    for speed, titles in ((14.4, FAST), (6, SLOW)):
        windows = []
        for title in titles:
            assert float(found.property(title, "Threshold")) == pytest.approx(speed * (100 - float(objective)))
            faults, calls = (one["MetricStat"] for one in found.property(title, "Metrics")[1:])
            assert faults["Period"] == calls["Period"]
            windows.append(int(faults["Period"]))
        assert windows[0] == 12 * windows[1]


@pytest.mark.parametrize(
    "values",
    [
        WHOLE,
        BARE,
        {**WHOLE, "NatGateways": "per-zone", "ZoneCount": "3"},
        {**WHOLE, "VpcId": "vpc-1", "PublicSubnetIds": "a,b", "PrivateSubnetIds": "c,d"},
    ],
    ids=["whole", "bare", "three NAT gateways", "existing VPC"],
)
def test_dashboard_is_json_that_shows_every_alarm_and_overlaps_nowhere(values: Mapping[str, str]) -> None:
    found = deployed(values)
    body = document(found.property("Dashboard", "DashboardBody"))
    assert isinstance(body, dict)
    widgets = body["widgets"]
    (listed,) = [one["properties"]["alarms"] for one in widgets if one["type"] == "alarm"]
    assert len(listed) == len(set(listed)) == len(set(found.existing(ALARM, COMPOSITE)) - OF_THE_SERVICE)
    cells = [
        (x, y)
        for one in widgets
        for x in range(one["x"], one["x"] + one["width"])
        for y in range(one["y"], one["y"] + one["height"])
    ]
    assert len(cells) == len(set(cells)) and max(x for x, _ in cells) == 23
    shown = json.dumps(body)
    nat = len(found.existing("AWS::EC2::NatGateway"))
    assert shown.count("<NatGateway") == nat
    assert all(word in shown for word in SIGNALS)

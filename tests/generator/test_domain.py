import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.checks.domain import longest, representatives, sample
from generator.evaluation import Deployment
from generator.parameters import ALL
from generator.stacks import template_dicts

FLATTENED = Deployment(template_dicts(), "runtime-flat.yaml")
PATTERNS = [parameter.allowed_pattern for parameter in ALL if parameter.allowed_pattern]


@pytest.mark.parametrize("pattern", sorted(set(PATTERNS)))
def test_sample_matches_its_pattern(pattern: str) -> None:
    assert re.search(pattern, sample(pattern))
    assert sample(pattern)


@given(st.from_regex(r"^[a-z]{1,3}(-[0-9]{2,4})?$", fullmatch=True), st.integers(1, 5))
def test_sample_of_a_literal_is_the_literal(text: str, count: int) -> None:
    assert sample(f"^({re.escape(text)}){{{count}}}$") == text * count


def test_representatives_are_admitted_and_distinct() -> None:
    declared = FLATTENED.root.section("Parameters")
    for name, values in representatives(FLATTENED).items():
        assert len(set(values)) == len(values)
        for value in values:
            assert value in map(str, declared[name].get("AllowedValues", [value]))
            for part in value.split(",") if declared[name]["Type"] == "CommaDelimitedList" else [value]:
                assert re.search(declared[name].get("AllowedPattern", ""), part), (name, value)


def test_every_compared_literal_is_represented() -> None:
    domain = representatives(FLATTENED)
    assert set(domain["ZoneCount"]) == {"2", "3"}
    assert set(domain["HostLabels"]) == {"none", "region", "account", "account-region"}
    assert {"preset", "on", "off"} == set(domain["Firewall"])
    assert "" in domain["ParentDomain"]
    assert len(domain["ParentDomain"]) == 2


def test_longest_name_has_the_admitted_length() -> None:
    assert len(longest(FLATTENED)["RuntimeName"][0]) == 20

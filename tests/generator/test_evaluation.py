import ipaddress
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.evaluation import Deployment, Unassigned, explore, possible, same
from generator.symbols import NO_VALUE, Call, Invalid, Reference, Text, comma_separated, concatenated, split

TEXTS = st.text(alphabet="ab-/.", max_size=6)
BLOCK = "10.0.0.0/16"


def one(expression: Any, values: dict[str, str] | None = None, **sections: Any) -> Any:
    """Returns the value of an expression as the property of a topic in a template with the given sections."""
    template = {"Resources": {"A": {"Type": "T", "Properties": {"P": expression}}, "B": {"Type": "T"}}, **sections}
    return Deployment({"root": template}, "root").given(values or {}).property("A", "P")


def parameters(*names: str, kind: str = "String") -> dict[str, Any]:
    return {name: {"Type": kind} for name in names}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "B"}, Reference("B", "Ref")),
        ({"Fn::GetAtt": ["B", "Arn"]}, Reference("B", "Arn")),
        ({"Fn::GetAtt": "B.Part.Name"}, Reference("B", "Part.Name")),
        ({"Fn::Sub": "x-${AWS::AccountId}"}, "x-111122223333"),
        ({"Fn::Sub": "${!Literal}"}, "${Literal}"),
        ({"Fn::Sub": "a${B}c${B.Arn}"}, Text(("a", Reference("B", "Ref"), "c", Reference("B", "Arn")))),
        ({"Fn::Sub": ["${V}/x", {"V": {"Ref": "B"}}]}, Text((Reference("B", "Ref"), "/x"))),
        ({"Fn::Sub": "${B}"}, Reference("B", "Ref")),
        ({"Fn::Join": [",", ["a", "b"]]}, "a,b"),
        ({"Fn::Join": ["", ["a", {"Ref": "B"}, "b"]]}, Text(("a", Reference("B", "Ref"), "b"))),
        ({"Fn::Select": [1, ["a", "b"]]}, "b"),
        ({"Fn::Select": ["1", {"Fn::Split": ["/", "a/b/c"]}]}, "b"),
        ({"Fn::Split": [",", {"Fn::Join": [",", [{"Ref": "B"}, "x"]]}]}, [Reference("B", "Ref"), "x"]),
        ({"Fn::Select": [0, {"Fn::GetAtt": ["B", "List"]}]}, Call("Fn::Select", ("0", Reference("B", "List")))),
        ({"Fn::GetAZs": ""}, ["us-east-1a", "us-east-1b", "us-east-1c"]),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::ToJsonString": {"a": 1}}, '{"a":"1"}'),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
        ([{"Ref": "AWS::NoValue"}, 1], [1]),
        ({"Ref": "AWS::NoValue"}, None),
        ({"Fn::ImportValue": "x"}, Call("Fn::ImportValue", ("x",))),
    ],
)
def test_intrinsic_function(expression: Any, value: Any) -> None:
    assert one(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        {"Fn::Select": [2, ["a", "b"]]},
        {"Fn::Cidr": ["10.0.0.0/24", 6, 8]},
        {"Fn::FindInMap": ["M", "a", "missing"]},
        {"Fn::Unheard": "of"},
        {"Ref": "Nowhere"},
        {"Fn::GetAtt": ["Nowhere", "Arn"]},
    ],
)
def test_what_cannot_be_made_says_why(expression: Any) -> None:
    value = one(expression, Mappings={"M": {"a": {"b": "c"}}})
    assert isinstance(value, Invalid)
    assert value.reason


def test_mapping_with_default() -> None:
    mappings = {"M": {"a": {"b": "c"}}}
    assert one({"Fn::FindInMap": ["M", "a", "b"]}, Mappings=mappings) == "c"
    assert one({"Fn::FindInMap": ["M", "x", "b", {"DefaultValue": "d"}]}, Mappings=mappings) == "d"


@given(st.integers(0, 12), st.integers(1, 16))
def test_cidr_makes_disjoint_ranges_in_order(bits: int, count: int) -> None:
    ranges = [ipaddress.ip_network(block) for block in one({"Fn::Cidr": [BLOCK, count, str(bits)]})]
    assert len(ranges) == count
    assert {block.prefixlen for block in ranges} == {32 - bits}
    assert ranges == sorted(ranges, key=lambda block: int(block.network_address))
    assert not any(first.overlaps(second) for first, second in itertools.combinations(ranges, 2))


@given(st.lists(st.one_of(TEXTS, st.just(Reference("B", "Ref")))), st.lists(TEXTS))
def test_concatenation_does_not_depend_on_grouping(first: list[Any], second: list[Any]) -> None:
    assert concatenated([concatenated(first), concatenated(second)]) == concatenated([*first, *second])


@given(st.lists(st.one_of(st.text(alphabet="ab", min_size=1), st.just(Reference("B", "Ref"))), min_size=1))
def test_split_undoes_join(items: list[Any]) -> None:
    joined = concatenated(itertools.islice(itertools.chain.from_iterable((",", item) for item in items), 1, None))
    assert split(",", joined) == items
    assert comma_separated(joined) == items


@pytest.mark.parametrize("a", ["x", "y"])
@pytest.mark.parametrize("b", ["x", "y"])
def test_conditions(a: str, b: str) -> None:
    is_a, is_b = ({"Fn::Equals": [{"Ref": name}, "x"]} for name in "PQ")
    conditions = {
        "A": is_a,
        "B": is_b,
        "Both": {"Fn::And": [{"Condition": "A"}, {"Condition": "B"}]},
        "Either": {"Fn::Or": [{"Condition": "A"}, {"Condition": "B"}]},
        "NotA": {"Fn::Not": [{"Condition": "A"}]},
    }
    template = {"Parameters": parameters("P", "Q"), "Conditions": conditions, "Resources": {}}
    deployment = Deployment({"root": template}, "root").given({"P": a, "Q": b})
    found = {name: deployment.condition(deployment.root, name) for name in conditions}
    first, second = a == "x", b == "x"
    assert found == {
        "A": first,
        "B": second,
        "Both": first and second,
        "Either": first or second,
        "NotA": not first,
    }


def test_circular_conditions_end() -> None:
    conditions = {"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {"Fn::Not": [{"Condition": "A"}]}}
    template = {"Conditions": conditions, "Resources": {}}
    deployment = Deployment({"root": template}, "root")
    assert isinstance(deployment.condition(deployment.root, "A"), bool)


def test_rules_are_violated_by_name() -> None:
    rules = {
        "Bound": {
            "RuleCondition": {"Fn::Equals": [{"Ref": "P"}, "x"]},
            "Assertions": [
                {"Assert": {"Fn::Contains": [["1", "2"], {"Ref": "Q"}]}, "AssertDescription": "Q is 1 or 2."},
                {"Assert": {"Fn::EachMemberIn": [{"Ref": "L"}, ["a", "b"]]}, "AssertDescription": "L is of a and b."},
            ],
        }
    }
    declared = {**parameters("P", "Q"), **parameters("L", kind="CommaDelimitedList")}
    deployment = Deployment({"root": {"Parameters": declared, "Rules": rules, "Resources": {}}}, "root")

    def violations(**values: str) -> list[str]:
        return list(deployment.given(values).violations())

    assert violations(P="x", Q="1", L="a,b") == []
    assert violations(P="x", Q="3", L="a") == ["Q is 1 or 2."]
    assert violations(P="x", Q="2", L="a,c") == ["L is of a and b."]
    assert violations(P="y", Q="3", L="c") == []
    assert possible(deployment, {"P": ("x", "y"), "Q": ("3",), "L": ("a",)}, {})
    assert not possible(deployment, {"P": ("x",), "Q": ("3",), "L": ("a",)}, {})


CHILD = {
    "Parameters": {**parameters("Name"), **parameters("Items", kind="CommaDelimitedList")},
    "Conditions": {"Named": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Name"}, ""]}]}},
    "Resources": {
        "Queue": {"Type": "Q", "Properties": {"Name": {"Ref": "Name"}, "Items": {"Ref": "Items"}}},
        "Extra": {"Type": "Q", "Condition": "Named", "Properties": {"Id": {"Ref": "AWS::StackId"}}},
    },
    "Outputs": {
        "Arn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}},
        "Both": {"Value": {"Fn::Join": [",", [{"Ref": "Queue"}, "x"]]}},
    },
}
LEAF = {
    "Parameters": {**parameters("Arn"), **parameters("Both", kind="CommaDelimitedList")},
    "Resources": {
        "Topic": {"Type": "S", "Properties": {"Arn": {"Ref": "Arn"}, "Both": {"Ref": "Both"}}},
        "After": {"Type": "S", "DependsOn": "Topic"},
    },
}
PARENT = {
    "Parameters": parameters("Name"),
    "Conditions": {"HasLeaf": {"Fn::Equals": [{"Ref": "Name"}, "leaf"]}},
    "Resources": {
        "ChildStack": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": "child", "Parameters": {"Name": {"Ref": "Name"}, "Items": "a, b"}},
        },
        "LeafStack": {
            "Type": "AWS::CloudFormation::Stack",
            "Condition": "HasLeaf",
            "Properties": {
                "TemplateURL": "leaf",
                "Parameters": {
                    "Arn": {"Fn::GetAtt": ["ChildStack", "Outputs.Arn"]},
                    "Both": {"Fn::GetAtt": ["ChildStack", "Outputs.Both"]},
                },
            },
        },
    },
    "Outputs": {"Arn": {"Value": {"Fn::If": ["HasLeaf", {"Fn::GetAtt": ["ChildStack", "Outputs.Arn"]}, ""]}}},
}


def nested(name: str) -> Deployment:
    return Deployment({"parent": PARENT, "child": CHILD, "leaf": LEAF}, "parent").given({"Name": name})


def test_values_flow_from_parent_to_child_and_from_child_to_child() -> None:
    deployment = nested("leaf")
    assert deployment.properties("Queue") == {"Name": "leaf", "Items": ["a", "b"]}
    assert deployment.property("Topic", "Arn") == Reference("Queue", "Arn")
    assert deployment.property("Topic", "Both") == [Reference("Queue", "Ref"), "x"]
    assert deployment.output(deployment.root, "Arn") == Reference("Queue", "Arn")
    assert "ChildStack" in deployment.property("Extra", "Id")


@pytest.mark.parametrize(
    ("name", "existing"), [("", {"Queue"}), ("a", {"Queue", "Extra"}), ("leaf", {"Queue", "Extra", "Topic", "After"})]
)
def test_conditions_of_stacks_and_of_resources_count(name: str, existing: set[str]) -> None:
    assert set(nested(name).existing()) == existing


def test_stacks_order_what_they_hold() -> None:
    deployment = nested("leaf")
    assert deployment.precedes("Queue", "Topic")
    assert deployment.precedes("Extra", "After")
    assert deployment.precedes("Topic", "After")
    assert not deployment.precedes("Topic", "Queue")
    assert not deployment.precedes("Queue", "Extra")


def test_metadata_orders_and_a_branch_not_taken_does_not() -> None:
    choice = {"Fn::If": ["Yes", {"Ref": "A"}, {"Ref": "B"}]}
    template = {
        "Parameters": parameters("P"),
        "Conditions": {"Yes": {"Fn::Equals": [{"Ref": "P"}, "yes"]}},
        "Resources": {"A": {"Type": "T"}, "B": {"Type": "T"}, "C": {"Type": "T", "Metadata": {"WaitsFor": choice}}},
    }
    deployment = Deployment({"root": template}, "root")
    assert deployment.given({"P": "yes"}).waits_for("C") == ("A",)
    assert deployment.given({"P": "no"}).waits_for("C") == ("B",)


def test_missing_value_is_asked_for() -> None:
    with pytest.raises(Unassigned, match="P was given no value"):
        one({"Ref": "P"}, Parameters=parameters("P"))


@given(st.permutations(["P", "Q", "R"]), st.integers(1, 3))
def test_exploring_agrees_with_trying_everything(order: list[str], size: int) -> None:
    expression: Any = "end"
    for name in order:
        expression = {"Fn::If": [f"Is{name}", expression, {"Fn::Join": ["", [name, {"Ref": order[0]}]]}]}
    template = {
        "Parameters": parameters(*order),
        "Conditions": {f"Is{name}": {"Fn::Equals": [{"Ref": name}, "0"]} for name in order},
        "Resources": {"A": {"Type": "T", "Properties": {"P": expression}}},
    }
    domain = {name: tuple(map(str, range(size))) for name in order}
    deployment = Deployment({"root": template}, "root")
    explored = list(explore(lambda values: deployment.given(values).property("A", "P"), domain))
    for combination in itertools.product(*domain.values()):
        values = dict(zip(domain, combination, strict=True))
        fresh = Deployment({"root": template}, "root").given(values).property("A", "P")
        matching = [answer for chosen, answer in explored if chosen.items() <= values.items()]
        assert matching == [fresh]


def test_numbers_and_booleans_are_their_text() -> None:
    assert same({"a": [1, True]}, {"a": ["1", "true"]})
    assert not same({"a": 1}, {"a": 2})
    assert one({"Ref": "AWS::NoValue"}) is not NO_VALUE

"""The nested and the flattened form of the runtime make the same resources in the same order, whatever is chosen.

Every question is put under every combination of the root parameters that its answer depends on, with one value for each
way in which a condition can turn out; so every satisfiable truth assignment of the conditions is covered for it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.checks.domain import representatives
from generator.evaluation import STACK, Deployment, Domain, Path, explore, possible
from generator.stacks import template_dicts
from generator.symbols import canonical, invalid

TEMPLATES = template_dicts()
NESTED = Deployment(TEMPLATES, "runtime.yaml")
FLATTENED = Deployment(TEMPLATES, "runtime-flat.yaml")
DOMAIN: Domain = {
    name: tuple(dict.fromkeys((*values, *representatives(NESTED)[name])))
    for name, values in representatives(FLATTENED).items()
}
TITLES = FLATTENED.ids()

READY_BEFORE: Mapping[str, tuple[str, ...]] = {
    "GatewayTarget": (
        "Service", "ScalableTarget", "HttpsListener", "ForwardRule", "AliasRecord", "Certificate", "CredentialProvider",
        "UserPoolDomain", "ClientSecret", "GatewayRole", "TaskIngress", "LoadBalancerTaskEgress",
        "LoadBalancerHttpsIngress",
    ),
    "Service": ("ForwardRule", "PrivateDefaultRouteA", "PrivateSubnetARoutes", "CapacityProviders", "TaskIngress"),
    "LoadBalancer": ("AccessLogBucketPolicy", "InternetGatewayAttachment", "PublicDefaultRoute"),
    "CredentialProvider": ("UserPoolDomain", "ClientSecret"),
}  # fmt: skip
"""What must be ready before a resource is made, wherever both exist (readiness, in the composition)."""


def both(values: Mapping[str, str]) -> tuple[Deployment, Deployment]:
    return NESTED.given(values), FLATTENED.given(values)


def combinations(question: Callable[[Deployment, Deployment], Any]) -> int:
    """Asks under every combination; a wrong answer counts where the template's rules admit the values."""
    count = 0
    for values, wrong in explore(lambda values: question(*both(values)), DOMAIN):
        count += 1
        assert not wrong or not possible(FLATTENED, DOMAIN, values), f"{wrong} under {values}"
    return count


def test_both_forms_have_the_same_parameters_rules_and_interface() -> None:
    for section in ("Parameters", "Rules", "Metadata"):
        assert TEMPLATES["runtime.yaml"][section] == TEMPLATES["runtime-flat.yaml"][section]
    assert list(TEMPLATES["runtime.yaml"]["Outputs"]) == list(TEMPLATES["runtime-flat.yaml"]["Outputs"])


def test_both_forms_hold_the_same_resources() -> None:
    assert set(NESTED.ids()) == set(TITLES)
    for title in TITLES:
        ours, theirs = NESTED.body(title), FLATTENED.body(title)
        for attribute in ("Type", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy"):
            assert ours.get(attribute) == theirs.get(attribute), (title, attribute)


def parts(title: str) -> list[Path]:
    """The paths of what a resource's properties are made of; a property that is made otherwise in each form is one."""
    found: list[Path] = []
    assert NESTED.body(title).get("Properties", {}).keys() == FLATTENED.body(title).get("Properties", {}).keys()
    for name in FLATTENED.body(title).get("Properties", {}):
        ours, theirs = NESTED.parts(title, name), FLATTENED.parts(title, name)
        found += ours if ours == theirs else [(name,)]
    return found


@pytest.mark.parametrize("title", TITLES)
def test_resource_is_the_same_under_every_combination(title: str) -> None:
    def existence(nested: Deployment, flattened: Deployment) -> Any:
        return [title] if nested.exists(title) != flattened.exists(title) else []

    asked = combinations(existence)
    for path in parts(title):

        def difference(nested: Deployment, flattened: Deployment, path: Path = path) -> Any:
            if not flattened.exists(title):
                return []
            first, second = canonical(nested.part(title, path)), canonical(flattened.part(title, path))
            return [(path, first, second)] if first != second or any(invalid(first)) else []

        asked += combinations(difference)
    assert asked >= 1


@pytest.mark.parametrize("title", TITLES)
def test_what_the_flattened_form_orders_the_nested_form_orders(title: str) -> None:
    for other in FLATTENED.may_wait_for(title):

        def unordered(nested: Deployment, flattened: Deployment, other: str = other) -> Any:
            if not (flattened.exists(title) and flattened.waits(title, other)):
                return []
            return [] if nested.precedes(other, title) else [other]

        combinations(unordered)


@pytest.mark.parametrize(("later", "earlier"), [(k, v) for k, values in READY_BEFORE.items() for v in values])
def test_both_forms_order_what_must_be_ready(later: str, earlier: str) -> None:
    def unordered(nested: Deployment, flattened: Deployment) -> Any:
        if not (flattened.exists(later) and flattened.exists(earlier)):
            return []
        return [form.root.file for form in (nested, flattened) if not form.precedes(earlier, later)]

    combinations(unordered)


@pytest.mark.parametrize("name", list(TEMPLATES["runtime-flat.yaml"]["Outputs"]))
def test_output_is_the_same_under_every_combination(name: str) -> None:
    def difference(nested: Deployment, flattened: Deployment) -> Any:
        first, second = (canonical(form.output(form.root, name)) for form in (nested, flattened))
        return [(first, second)] if first != second or any(invalid(first)) else []

    combinations(difference)


def test_no_order_is_circular() -> None:
    values = {name: options[0] for name, options in DOMAIN.items()}
    for form in both(values):
        for title in form.existing():
            assert not form.precedes(title, title)


@given(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in DOMAIN.items()}))
def test_whole_deployments_are_equal_under_arbitrary_values(values: dict[str, str]) -> None:
    nested, flattened = both(values)
    if next(flattened.violations(), None) is not None:
        return
    assert set(nested.existing()) == set(flattened.existing())
    for title in flattened.existing():
        assert canonical(nested.properties(title)) == canonical(flattened.properties(title))


def test_children_exist_with_what_they_hold() -> None:
    """A nested stack that is made is never empty: CloudFormation refuses a template without resources."""
    for stack in NESTED.ids(STACK):

        def empty(nested: Deployment, _: Deployment, stack: str = stack) -> Any:
            if not nested.exists(stack):
                return []
            return (
                [] if any(nested.homes[title].name == stack and nested.exists(title) for title in TITLES) else [stack]
            )

        combinations(empty)

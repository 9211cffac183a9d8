"""What is known of progress from events, and that whatever comes in whatever order is drawn within its frame."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.events import (
    Event,
    InstanceStatus,
    OperationStatus,
    ResourceEvent,
    ServiceRollout,
    Step,
    StepState,
    TargetHealth,
)
from deployer.progress_lines import heartbeat, line_of
from deployer.progress_model import Node, Progressing
from deployer.progress_text import clean, cut, duration, shortened, width_of, wrapped
from deployer.progress_tree import picture
from deployer.progress_words import core

ACCOUNT, REGION = "111111111111", "us-east-1"
TARGET = f"{ACCOUNT}/{REGION}"
STACK, VPC, SERVICE = "AWS::CloudFormation::Stack", "AWS::EC2::VPC", "AWS::ECS::Service"
FAR = 1_000_000.0
"""CloudFormation's clock is this far behind ours."""


def resource(path: tuple[str, ...], name: str, status: str, moment: float, reason: str = "") -> ResourceEvent:
    kind = STACK if name.endswith("Stack") or not path else VPC
    return ResourceEvent(path, name, kind, status, reason, moment)


def known(*events: Event) -> tuple[Progressing, dict[str, Node]]:
    """Returns what is known after the events, each a second after the one before, and all nodes by name."""
    progress = Progressing()
    for number, event in enumerate(events):
        told = event if isinstance(event, ResourceEvent) else replace(event, moment=FAR + number)
        progress.take(told, FAR + number)
    return progress, {node.name: node for node in progress.command.walk()}


def test_tree_is_step_operation_target_stack_resource() -> None:
    progress, _ = known(
        Step("Stack set", "started"),
        OperationStatus("runtime", "CREATE", "o-1", "RUNNING", ""),
        InstanceStatus(ACCOUNT, REGION, "RUNNING", ""),
        resource((), TARGET, "CREATE_IN_PROGRESS", 2),
        resource((TARGET,), "NetworkStack", "CREATE_IN_PROGRESS", 3),
        resource((TARGET, "NetworkStack"), "Vpc", "CREATE_IN_PROGRESS", 4),
    )
    assert [(node.kind, node.name, node.state) for node in progress.command.walk()][1:] == [
        ("step", "Stack set", "running"),
        ("operation", "runtime", "running"),
        ("instance", TARGET, "running"),
        ("stack", "NetworkStack", "running"),
        ("resource", "Vpc", "running"),
    ]


def test_time_is_of_the_clock_that_said_it() -> None:
    progress, nodes = known(
        Step("Stack set", "started"),
        resource(("foundation",), "Vpc", "CREATE_IN_PROGRESS", 1),
        resource(("foundation",), "Role", "CREATE_IN_PROGRESS", 1.5),
        resource(("foundation",), "Role", "CREATE_COMPLETE", 2.25),
    )
    assert progress.elapsed(nodes["Role"], FAR + 90) == 0.75
    # The first event took the least time to arrive: at FAR + 1 with the moment 1.
    assert progress.elapsed(nodes["Vpc"], FAR + 90) == 89
    assert progress.elapsed(nodes["Stack set"], FAR + 90) == 90


def test_failure_stays_and_what_it_undoes_is_undone() -> None:
    _, nodes = known(
        InstanceStatus(ACCOUNT, REGION, "RUNNING", ""),
        resource((TARGET, "NetworkStack"), "Vpc", "CREATE_COMPLETE", 1),
        resource((TARGET, "NetworkStack"), "Nat", "CREATE_FAILED", 2, "no address"),
        resource((TARGET, "NetworkStack"), "Role", "CREATE_FAILED", 2, "Resource creation cancelled"),
        resource((TARGET,), "NetworkStack", "CREATE_FAILED", 3, "Embedded stack failed"),
        resource((), TARGET, "ROLLBACK_IN_PROGRESS", 4),
        resource((TARGET, "NetworkStack"), "Nat", "DELETE_COMPLETE", 5),
        resource((TARGET, "NetworkStack"), "Vpc", "DELETE_COMPLETE", 6),
        resource((TARGET,), "NetworkStack", "DELETE_COMPLETE", 7),
    )
    states = {name: nodes[name].state for name in ("Vpc", "Nat", "Role", "NetworkStack", TARGET)}
    assert states == {"Vpc": "undone", "Nat": "failed", "Role": "undone", "NetworkStack": "failed", TARGET: "failed"}
    assert (nodes["Nat"].reason, nodes["NetworkStack"].reason) == ("no address", "Embedded stack failed")


def test_service_s_rollout_is_told_with_the_service() -> None:
    path = (TARGET, "ServiceStack")
    _, nodes = known(
        ResourceEvent(path, "Service", SERVICE, "CREATE_IN_PROGRESS", "", 1),
        rollout := ServiceRollout(ACCOUNT, REGION, path, "s", 2, 1, 1, 0, "IN_PROGRESS", ""),
        TargetHealth(ACCOUNT, REGION, path, 1, 0, 1, 0),
    )
    service = nodes["Service"]
    assert service.rollout == replace(rollout, moment=FAR + 1)
    assert service.health is not None


def test_each_operation_has_targets_of_its_own() -> None:
    progress, _ = known(
        Step("Stack set", "started"),
        OperationStatus("runtime", "UPDATE", "o-1", "RUNNING", ""),
        InstanceStatus(ACCOUNT, REGION, "FAILED", "no"),
        OperationStatus("runtime", "UPDATE", "o-1", "FAILED", ""),
        OperationStatus("runtime", "UPDATE", "o-2", "RUNNING", ""),
        InstanceStatus(ACCOUNT, REGION, "RUNNING", ""),
    )
    (step,) = progress.steps
    assert [[one.state for one in operation.children.values()] for operation in step.children.values()] == [
        ["failed"],
        ["running"],
    ]


def test_step_that_runs_again_begins_anew() -> None:
    progress, nodes = known(
        Step("Lint", "started"), Step("Lint", "failed"), Step("Image", "done"), Step("Lint", "started")
    )
    assert [step.name for step in progress.steps] == ["Image", "Lint"]
    assert progress.elapsed(nodes["Lint"], FAR + 4) == 1


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-3, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1m 00s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (359_999, "99h 59m"),
    ],
)
def test_duration_takes_few_columns(seconds: float, told: str) -> None:
    assert duration(seconds) == told
    assert len(told) <= 7


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ('Resource handler returned message: "a "b" c" (RequestToken: 1-2, HandlerErrorCode: NotFound)', 'a "b" c'),
        ('Resource handler returned message: "a" (HandlerErrorCode: GeneralServiceException)', "a"),
        (
            'ResourceLogicalId:A, ResourceStatusReason:Resource handler returned message: "no" (HandlerErrorCode: X).',
            "no",
        ),
        ("The role cannot be assumed.", "The role cannot be assumed."),
    ],
)
def test_reason_is_told_without_its_wrapping(reason: str, told: str) -> None:
    assert core(reason) == told


TEXTS = st.one_of(
    st.sampled_from(["", "Vpc", "a b", "名前" * 30, "x" * 200, "\x1b[31mred\nline\ttab", "e\u0301" * 50, "👩‍👩‍👧"]),
    st.text(max_size=120),
)
NAMES = st.one_of(st.sampled_from(["Vpc", "Service", "NetworkStack", TARGET]), TEXTS.filter(bool))
PATHS = st.one_of(
    st.sampled_from([(), (TARGET,), (TARGET, "NetworkStack"), ("222222222222/eu-west-1",), ("foundation",)]),
    st.lists(NAMES, max_size=4).map(tuple),
)
STATUSES = st.builds(
    lambda verb, end: f"{verb}_{end}",
    st.sampled_from(["CREATE", "UPDATE", "DELETE", "ROLLBACK", "UPDATE_ROLLBACK", "IMPORT"]),
    st.sampled_from(["IN_PROGRESS", "COMPLETE", "FAILED", "COMPLETE_CLEANUP_IN_PROGRESS", "SKIPPED"]),
)
RESULTS = st.sampled_from(
    ["PENDING", "QUEUED", "RUNNING", "STOPPING", "SUCCEEDED", "FAILED", "STOPPED", "CANCELLED", "X"]
)
MOMENTS = st.floats(1, 4_000_000_000)
COUNTS = st.integers(0, 9)
ACCOUNTS, REGIONS = st.sampled_from([ACCOUNT, "222222222222"]), st.sampled_from([REGION, "eu-west-1"])
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Step, NAMES, st.sampled_from(get_args(StepState)), TEXTS, MOMENTS),
    st.builds(OperationStatus, NAMES, st.sampled_from(["CREATE", "UPDATE", "X"]), NAMES, RESULTS, TEXTS, MOMENTS),
    st.builds(InstanceStatus, ACCOUNTS, REGIONS, RESULTS, TEXTS, MOMENTS),
    st.builds(
        ResourceEvent, PATHS, NAMES, st.sampled_from([STACK, SERVICE, VPC]), STATUSES, TEXTS, MOMENTS, TEXTS, TEXTS
    ),
    st.builds(ServiceRollout, ACCOUNTS, REGIONS, PATHS, NAMES, COUNTS, COUNTS, COUNTS, COUNTS, TEXTS, TEXTS, MOMENTS),
    st.builds(TargetHealth, ACCOUNTS, REGIONS, PATHS, COUNTS, COUNTS, COUNTS, COUNTS, st.tuples(TEXTS), MOMENTS),
)


@settings(deadline=None, max_examples=100)
@given(st.lists(EVENTS, max_size=40), MOMENTS, st.integers(1, 130), st.integers(1, 50))
def test_whatever_comes_is_drawn_within_its_frame(events: list[Event], now: float, width: int, height: int) -> None:
    progress = Progressing()
    for event in events:
        node = progress.take(event, now)
        line = line_of(progress, event, node, now)
        assert line is None or (line == line.rstrip() and line.isprintable())
    lines = picture(progress, now, width, height)
    assert len(lines) <= height
    assert all(width_of(line.text) <= width for line in [*lines, *picture(progress, now, width)])
    assert all(line.text.isprintable() for line in lines)
    open_steps = [step for step in progress.steps if step.state in ("running", "failed", "waiting")]
    if any(node.state == "failed" for step in open_steps for node in step.walk()):
        assert any(line.look == "failed" for line in lines)
    beat = heartbeat(progress, now)
    assert beat is None or beat.isprintable()


@settings(deadline=None)
@given(TEXTS, st.integers(0, 60), st.integers(0, 4))
def test_texts_fit_their_columns(text: str, columns: int, lines: int) -> None:
    text = clean(text)

    def fits(some: str) -> bool:
        return width_of(some) <= columns

    assert fits(cut(text, columns))
    assert fits(shortened(text, columns))
    if fits(text):
        assert cut(text, columns) == shortened(text, columns) == text
    found = wrapped(text, max(2, columns), lines)
    assert len(found) <= lines
    assert all(width_of(line) <= max(2, columns) for line in found)

"""The number of calls grows with distinct overrides and with pages of a hundred, not with targets."""

from collections import Counter
from collections.abc import Iterable

from benchmarks.growth import OWN, counted, places, running, without_repeated_looks
from tests.faults.calls import Call

PAGE = 100


def numbers(calls: Iterable[Call]) -> Counter[str]:
    return Counter(call.operation for call in calls)


def test_a_dozen_times_the_targets_cost_only_further_pages() -> None:
    few, many = 10, 120
    with running() as emulator:
        small = {name: numbers(calls) for name, calls in counted(emulator, few)}
        large = {name: numbers(calls) for name, calls in counted(emulator, many)}
    alike = ["first deploy", "no change", "another template", "another shared parameter", "overrides of one target"]
    for change in alike:
        assert large[change].keys() == small[change].keys(), change
        for operation, number in small[change].items():
            pages = -(-many // PAGE) if operation.startswith("List") else 1
            assert number <= large[change][operation] <= number * pages, f"{change}: {operation}"
    # Half of 10 targets are one account's Regions; half of 120 are some whole accounts and the rest of one that had
    # the overrides already in one Region: one more operation with its record, for whatever number of accounts.
    change = "overrides of half of the targets"
    assert small[change]["UpdateStackInstances"] == 1
    assert large[change]["UpdateStackInstances"] == 2


def test_targets_are_as_many_as_asked_for_and_differ() -> None:
    for count in (1, 10, 100, 500):
        assert len(set(places(count))) == count
    assert len(OWN) == 1


def test_only_the_last_look_at_an_operation_counts() -> None:
    def call(operation: str) -> Call:
        return Call("cloudformation", operation, "1", "us-east-1", "query", "POST")

    look = [call("DescribeStackSetOperation"), call("ListStackSetOperationResults")]
    begin, end = [call("UpdateStackSet")], [call("ListStackInstances")]
    assert without_repeated_looks([*begin, *look, *look, *look, *end]) == [*begin, *look, *end]
    assert without_repeated_looks([*begin, *look, *begin, *look, *end]) == [*begin, *look, *begin, *look, *end]

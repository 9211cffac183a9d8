"""Versions of the product: one for each content, a release that means one thing, and which of them launch."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import RefusedError, UsageError
from deployer.product_versions import MOST, Edition, Version, content_of, name_of, named, newest, steps

X86, ARM = ("X86_64",), ("ARM64",)


def edition(release: str, content: str, architectures: tuple[str, ...] = X86) -> Edition:
    key = f"templates/{content * 64}.yaml"
    return Edition(name_of(release, key[: len("templates/") + 64] + ".yaml"), "sha256:0", architectures, "sha256:1")


def version(number: int, content: str, architectures: tuple[str, ...] = X86, **changes: bool) -> Version:
    made = edition(f"v{number}", content, architectures)
    state = {"active": True, "deprecated": False} | changes
    return Version(f"pa-{number}", made.name, made.description, datetime(2026, 1, number, tzinfo=UTC), **state)


def test_name_says_release_and_content() -> None:
    name = name_of("v1.2.0", f"templates/{'0123456789abcdef' * 4}.yaml")
    assert name == "v1.2.0-0123456789ab"
    assert content_of(name) == "0123456789ab"
    assert content_of("by-hand") == ""


@pytest.mark.parametrize("release", ["", "-v1", "v1/2", "v" * 65, "v 1"])
def test_release_that_is_no_name_is_refused(release: str) -> None:
    with pytest.raises(UsageError, match="is no name of a release"):
        name_of(release, "templates/0.yaml")


def test_content_keeps_the_name_that_it_was_published_by() -> None:
    again = edition("v9", "a")
    assert named(again, [version(2, "b"), version(1, "a")]).name == version(1, "a").name
    assert named(again, [version(2, "b")]) == again


def test_description_tells_the_architectures_again() -> None:
    both = ("ARM64", "X86_64")
    assert version(1, "a", both).architectures == both
    assert Version("pa", "v1", "by hand", datetime(2026, 1, 1, tzinfo=UTC), True, False).architectures == ()


def test_what_is_there_is_not_made_again_and_what_was_deprecated_is_offered_again() -> None:
    there = version(1, "a")
    assert steps([there], edition("v1", "a"), 3, "r") == steps([there], edition("v9", "a"), 3, "r")
    assert not steps([there], edition("v1", "a"), 3, "r").make
    old = version(1, "a", deprecated=True)
    found = steps([old, version(2, "b")], edition("v1", "a"), 1, "r")
    assert (found.make, found.revive) == (False, old)
    assert [one.identity for one in found.deprecate] == ["pa-2"]


def test_release_means_one_content() -> None:
    with pytest.raises(RefusedError, match=r"The release v1 is published in r already, with other content \(v1-aaaa"):
        steps([version(1, "a")], edition("v1", "b"), 3, "r")


def test_product_holds_no_more_than_aws_lets_it() -> None:
    full = [
        Version(f"pa-{number}", f"v{number}", "", datetime(2026, 1, 1, tzinfo=UTC), True, True)
        for number in range(MOST)
    ]
    with pytest.raises(RefusedError, match="as many as AWS holds"):
        steps(full, edition("new", "a"), 3, "r")


def test_version_for_other_architectures_is_deprecated_whatever_its_age() -> None:
    kept, strange = version(1, "a"), version(2, "b", ARM)
    assert steps([kept, strange], edition("v3", "c"), 9, "r").deprecate == (strange,)


@given(
    days=st.lists(st.integers(1, 28), unique=True, max_size=8),
    deprecated=st.lists(st.booleans(), min_size=8, max_size=8),
    keep=st.integers(1, 4),
)
def test_the_newest_stay_and_the_new_one_is_among_them(days: list[int], deprecated: list[bool], keep: int) -> None:
    contents = "abcdef01"
    versions = [version(day, contents[place], deprecated=deprecated[place]) for place, day in enumerate(days)]
    found = steps(versions, edition("v99", "9"), keep, "r")
    assert found.make
    left = [one for one in versions if one.current and one not in found.deprecate]
    assert len(left) <= keep - 1
    assert all(gone.created < one.created for gone in found.deprecate for one in left)
    assert len(left) == min(keep - 1, sum(one.current for one in versions))
    last = newest(versions)
    assert last is None or all(one.created <= last.created for one in versions if one.current)

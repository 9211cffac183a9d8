"""A target account that is added later may pull from replicas that exist; one that is removed may not."""

import json
from pathlib import Path

import pytest

from deployer.registry import Repository
from deployer.replicas import copy, ensure_policy
from tests.deployer.registries import Registry

ONE, TWO = "222222222222", "333333333333"


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def principals(registry: Registry) -> list[str]:
    found: list[str] = json.loads(registry.policies["r"])["Statement"][0]["Principal"]["AWS"]
    return found


def test_replica_that_exists_gets_the_accounts_of_today(registry: Registry) -> None:
    replica = Repository(registry, "r")
    assert ensure_policy(replica, [ONE], "")
    assert ensure_policy(replica, [ONE, TWO], "")
    assert principals(registry) == [ONE, TWO]
    assert ensure_policy(replica, [TWO], "")
    assert principals(registry) == [TWO]


def test_replica_that_is_right_is_left_alone(registry: Registry) -> None:
    replica = Repository(registry, "r")
    ensure_policy(replica, [ONE, TWO], "o-a1b2c3d4e5")
    # IAM gives back accounts as their roots, in an order of its own, and a list of one as its item.
    text = registry.policies["r"].replace(f'"{ONE}"', f'"arn:aws:iam::{ONE}:root"')
    document = json.loads(text)
    document["Statement"].reverse()
    document["Statement"][1]["Principal"]["AWS"].reverse()
    registry.policies["r"] = json.dumps(document)
    assert not ensure_policy(replica, [ONE, TWO], "o-a1b2c3d4e5")
    assert registry.calls == ["set"]


def test_nobody_may_pull_once_nobody_receives(registry: Registry) -> None:
    replica = Repository(registry, "r")
    ensure_policy(replica, [], "o-a1b2c3d4e5")
    assert ensure_policy(replica, [], "")
    assert registry.policies == {}
    assert not ensure_policy(replica, [], "")


def test_replica_that_does_not_exist_is_left_to_its_template(tmp_path: Path) -> None:
    registry = Registry(tmp_path, ())
    assert not ensure_policy(Repository(registry, "r"), [ONE], "")
    assert registry.calls == []


def test_copy_takes_only_what_is_missing(tmp_path: Path) -> None:
    source, target = Registry(tmp_path / "a"), Registry(tmp_path / "b")
    digest = source.hold(tag="one")
    layer = target.add_blob(b"a layer of some length")
    copy(Repository(source, "r"), Repository(target, "r"), digest)
    assert target.images == {digest: ["one"]}
    assert layer in target.blobs and len(target.parts) == 1

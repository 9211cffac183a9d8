"""A tool's arguments from the command line, and which runtime is meant."""

from typing import Any

import pytest

from deployer.errors import UsageError
from deployer.invocation import arguments_of, chosen
from deployer.runtimes import Runtime


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["message=hello"], {"message": "hello"}),
        (["message=a=b", "empty="], {"message": "a=b", "empty": ""}),
        (
            ["count=3", "on=true", "list=[1, 2]", "nothing=null"],
            {"count": 3, "on": True, "list": [1, 2], "nothing": None},
        ),
        (['message="3"'], {"message": "3"}),
        (['{"message": "hello", "deep": {"a": 1}}'], {"message": "hello", "deep": {"a": 1}}),
        ([' {"a": 1}'], {"a": 1}),
        (["message=hello there"], {"message": "hello there"}),
    ],
)
def test_words_become_arguments(words: list[str], expected: dict[str, Any]) -> None:
    assert arguments_of(words) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hello"], "'hello' is no argument; write name=value, or one JSON object"),
        (["=hello"], "'=hello' is no argument"),
        (["a=1", "a=2"], "The argument a is given twice"),
        (['{"a": '], "are not valid JSON"),
        (["[1]"], "is no argument"),
    ],
)
def test_words_that_are_no_arguments_are_explained(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("[", r"\[")):
        arguments_of(words)


def runtime(account: str, readable: bool = True) -> Runtime:
    return Runtime(account, "us-east-1", "id", "CREATE_COMPLETE", "", readable, {}, {})


def test_only_runtime_needs_no_name() -> None:
    one, hidden = runtime("111111111111"), runtime("222222222222", readable=False)
    assert chosen([one], "") is one
    assert chosen([one, hidden], "") is one
    assert chosen([one, hidden], "111111111111/us-east-1") is one


@pytest.mark.parametrize("target", ["", "222222222222/us-east-1", "333333333333/us-east-1"])
def test_unclear_runtime_is_asked_for_with_the_choices(target: str) -> None:
    found = [runtime("111111111111"), runtime("222222222222", readable=False), runtime("444444444444")]
    with pytest.raises(UsageError, match="111111111111/us-east-1, 444444444444/us-east-1"):
        chosen(found, target)


def test_no_runtime_at_all_is_said() -> None:
    with pytest.raises(UsageError, match="There is no runtime that these credentials reach; deploy one, or choose"):
        chosen([runtime("222222222222", readable=False)], "222222222222/us-east-1")

"""What a check says, and how a question is put to every combination of parameter values."""

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from generator.evaluation import Deployment, Domain, Path, explore, possible
from generator.symbols import SYMBOLIC, Reference, Text, scalar


@dataclass(frozen=True)
class Finding:
    """A defect: `template` is a file name, `logical_id` and `path` say where in it, `sentence` what is wrong.

    `logical_id` is empty where the defect is the template's own.
    """

    template: str
    logical_id: str
    path: str
    rule: str
    sentence: str


@dataclass(frozen=True)
class Defect:
    """What a rule about one resource yields: the property's path and the sentence."""

    path: str
    sentence: str


ResourceQuestion = Callable[[Deployment, str], Iterator[Defect]]
PropertyQuestion = Callable[[Deployment, str, str], Iterator[Defect]]
PartQuestion = Callable[[Deployment, str, Path], Iterator[Defect]]
TemplateQuestion = Callable[[Deployment], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """A rule about resources of the given types (all but nested stacks where none is given), where they exist.

    Of `question`, `of_property` and `of_part` one is given; the second is asked of each property apart and the third of
    each part of a property, so that what depends on different parameters does not multiply each other's combinations.
    """

    question: ResourceQuestion | None = None
    types: tuple[str, ...] = ()
    of_property: PropertyQuestion | None = None
    of_part: PartQuestion | None = None

    @property
    def name(self) -> str:
        """Name of the rule in findings."""
        return name_of(self.question or self.of_property or self.of_part)

    def questions(self, deployment: Deployment, title: str) -> Iterator[Callable[[], Iterator[Defect]]]:
        """Yields what is asked about one resource."""
        if self.question is not None:
            yield functools.partial(self.question, deployment, title)
        if self.of_property is not None:
            for name in deployment.body(title).get("Properties", {}):
                yield functools.partial(self.of_property, deployment, title, name)
        if self.of_part is not None:
            for name in deployment.body(title).get("Properties", {}):
                for path in deployment.parts(title, name):
                    yield functools.partial(self.of_part, deployment, title, path)


def name_of(question: Callable[..., Any] | None) -> str:
    """Returns the name of a rule: its function's, with hyphens."""
    assert question is not None
    return question.__name__.strip("_").replace("_", "-")


def ask(rule: Rule, deployment: Deployment, domain: Domain) -> Iterator[Finding]:
    """Yields what a rule says of each resource under any parameter values that the template's own rules admit.

    Of each resource and path only the first combination with a defect counts.
    """
    for title in deployment.ids(*rule.types):
        for question in rule.questions(deployment, title):

            def answer(
                values: Mapping[str, str], title: str = title, question: Callable[[], Iterator[Defect]] = question
            ) -> tuple[Defect, ...]:
                return tuple(question()) if deployment.given(values).exists(title) else ()

            known: set[str] = set()
            for values, defects in explore(answer, domain):
                fresh = {defect.path: defect for defect in defects if defect.path not in known}
                if fresh and possible(deployment, domain, values):
                    known.update(fresh)
                    for path, defect in fresh.items():
                        yield Finding(deployment.homes[title].file, title, path, rule.name, defect.sentence)


def at(finding: Finding, question: TemplateQuestion) -> Finding:
    """Returns the finding with the name of the rule that made it."""
    return replace(finding, rule=name_of(question))


def attributes(pairs: Any, key: str = "Key", value: str = "Value") -> dict[str, Any]:
    """Returns a property that is a list of key and value pairs as one mapping."""
    return {str(pair[key]): scalar(pair.get(value)) for pair in pairs or () if isinstance(pair, Mapping)}


def number(value: Any, default: int) -> int:
    """Returns a property as a number, `default` where it is absent."""
    return default if value is None or isinstance(value, SYMBOLIC) else int(value)


def document(value: Any) -> Any:
    """Returns JSON text as data, where `<resource.attribute>` stands for what is unknown; other values unchanged."""
    if isinstance(value, Text):
        value = "".join(part if isinstance(part, str) else placeholder(part) for part in value.parts)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def placeholder(part: Any) -> str:
    """Returns the text that stands for an unknown part of a document."""
    return f"<{part.logical_id}.{part.attribute}>" if isinstance(part, Reference) else "<?>"


def from_placeholder(text: Any) -> Any:
    """Returns the reference that a placeholder stands for, other values unchanged."""
    matched = re.fullmatch(r"<([A-Za-z0-9]+)\.([A-Za-z0-9.]+)>", text) if isinstance(text, str) else None
    return Reference(matched[1], matched[2]) if matched else text


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields every mapping and list inside a value with its path."""
    if isinstance(value, Mapping):
        yield path, value
        for key, item in value.items():
            yield from walk(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from walk(item, f"{path}[{index}]")

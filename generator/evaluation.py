"""Evaluation of templates under parameter values, nested or flattened, without AWS.

A `Deployment` is a root template with the child templates that it reaches. It answers which resources exist, what their
properties are and what they wait for, under the values given last with `given`. What only AWS knows (ids, attributes of
resources) stays symbolic. Every answer is remembered together with the parameter values that it was made from, and
`explore` uses the same record to walk through every combination of exactly those parameters that a question depends on.

Source of the functions' meaning: the CloudFormation user guide, "Intrinsic function reference", "Rules" and
"Pseudo parameters reference".
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from generator.intrinsics import FUNCTIONS
from generator.symbols import NO_VALUE, Invalid, Reference, canonical, comma_separated, concatenated

Template = Mapping[str, Any]
Path = tuple[str | int, ...]
"""Where a part of a resource's properties is: keys and indices, the property's name first."""
STACK: Final = "AWS::CloudFormation::Stack"

PSEUDO: Final[Mapping[str, str]] = {
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "runtime",
    "AWS::URLSuffix": "amazonaws.com",
}
"""Pseudo parameters of an example stack; `AWS::StackId` is made from them."""


class Unassigned(Exception):  # a question, not an error
    """A parameter was read that has been given no value; `explore` answers by trying each of its values."""

    def __init__(self, name: str) -> None:
        super().__init__(f"parameter {name} was given no value")
        self.name = name


@dataclass(frozen=True)
class Stack:
    """One template in its place: `name` is the logical id of its resource in the parent, empty for the root."""

    name: str
    file: str
    template: Template
    parent: "Stack | None"

    def section(self, name: str) -> Mapping[str, Any]:
        """Returns a section of the template, empty where it is absent."""
        found: Mapping[str, Any] = self.template.get(name) or {}
        return found


@dataclass(frozen=True)
class _Entry:
    value: Any
    reads: tuple[tuple[str, str], ...]


@dataclass
class _Branch:
    name: str
    by_value: "dict[str, _Branch | _Entry]" = field(default_factory=dict)


class Deployment:
    """A root template and the children that it reaches through relative `TemplateURL`s.

    `templates` maps file names to templates, `root` is one of the names, `pseudo` the pseudo parameters of the root
    stack. A child stack has a name and an id of its own. Where two templates hold one logical id, the first counts
    (the check `unique_ids` reports it).
    """

    def __init__(self, templates: Mapping[str, Template], root: str, pseudo: Mapping[str, str] = PSEUDO) -> None:
        self._templates = templates
        self._pseudo = dict(pseudo)
        self._values: Mapping[str, str] = {}
        self._frames: list[dict[str, str]] = []
        self._active: set[tuple[str, ...]] = set()
        self._memos: dict[tuple[str, ...], _Branch | _Entry] = {}
        # By identity: the templates, which are kept, hold every expression that is asked for.
        self._named: dict[int, frozenset[str]] = {}
        self._possible_waits: dict[str, tuple[str, ...]] = {}
        self._leading: dict[str, frozenset[str]] = {}
        self.root = Stack("", root, templates[root], None)
        self.stacks: dict[str, Stack] = {"": self.root}
        self.homes: dict[str, Stack] = {}
        self._enter(self.root)

    def _enter(self, stack: Stack) -> None:
        for title, resource in stack.section("Resources").items():
            self.homes.setdefault(title, stack)
            url = resource.get("Properties", {}).get("TemplateURL")
            if resource.get("Type") == STACK and isinstance(url, str) and url in self._templates:
                child = Stack(title, url, self._templates[url], stack)
                self.stacks[title] = child
                self._enter(child)

    def given(self, values: Mapping[str, str]) -> "Deployment":
        """Returns this deployment, answering under `values` of the root's parameters from now on."""
        self._values = values
        return self

    def ids(self, *types: str) -> tuple[str, ...]:
        """Returns the logical ids of all resources of the given types, of all but nested stacks where none is given."""
        return tuple(
            title for title in self.homes if (self.type(title) in types if types else self.type(title) != STACK)
        )

    def body(self, title: str) -> Mapping[str, Any]:
        """Returns a resource as its template has it."""
        found: Mapping[str, Any] = self.homes[title].section("Resources")[title]
        return found

    def type(self, title: str) -> str:
        """Returns the type of a resource."""
        return str(self.body(title).get("Type"))

    def exists(self, title: str) -> bool:
        """Returns whether a resource exists: whether its condition and those of the stacks around it hold."""
        home = self.homes[title]
        if home.parent is not None and not self.exists(home.name):
            return False
        name = self.body(title).get("Condition")
        return name is None or self.condition(home, name)

    def existing(self, *types: str) -> tuple[str, ...]:
        """Returns the logical ids of the resources of the given types that exist."""
        return tuple(title for title in self.ids(*types) if self.exists(title))

    def property(self, title: str, name: str) -> Any:
        """Returns the value of a resource's property, None where it has none."""
        home = self.homes[title]
        expression = self.body(title).get("Properties", {}).get(name, NO_VALUE)
        value = self._memoised(("property", title, name), lambda: self.evaluate(home, expression))
        return None if value is NO_VALUE else value

    def properties(self, title: str) -> dict[str, Any]:
        """Returns all properties of a resource."""
        found = {name: self.property(title, name) for name in self.body(title).get("Properties", {})}
        return {name: value for name, value in found.items() if value is not None}

    def parts(self, title: str, name: str) -> tuple[Path, ...]:
        """Returns the paths of a property's parts: its entries, and theirs, down to texts and intrinsic functions.

        What the parts are made from differs, so that a question about one has far fewer combinations than the whole.
        """
        body = self.body(title).get("Properties", {})
        return tuple(_leaves(body[name], (name,))) if name in body else ()

    def part(self, title: str, path: Path) -> Any:
        """Returns the value of one part of a resource's properties, None where it removes itself."""
        expression: Any = self.body(title)["Properties"]
        for key in path:
            expression = expression[key]
        home = self.homes[title]
        value = self._memoised(("part", title, *map(str, path)), lambda: self.evaluate(home, expression))
        return None if value is NO_VALUE else value

    def waits_for(self, title: str) -> tuple[str, ...]:
        """Returns the existing resources of the same template that a resource names in `DependsOn` or refers to.

        References in its metadata count: CloudFormation makes a resource wait for them as for those in its properties.
        """
        return tuple(other for other in self.may_wait_for(title) if self.waits(title, other))

    def may_wait_for(self, title: str) -> tuple[str, ...]:
        """Returns the resources that a resource waits for under some values: it names them in one branch or another."""
        found = self._possible_waits.get(title)
        if found is None:
            home, body = self.homes[title], self.body(title)
            declared = frozenset(_listed(body.get("DependsOn", ())))
            names = declared.union(*(self._names(body.get(part)) for part in ("Properties", "Metadata")))
            found = self._possible_waits[title] = tuple(name for name in home.section("Resources") if name in names)
        return found

    def waits(self, title: str, other: str) -> bool:
        """Returns whether a resource waits for another of the same template, which exists."""
        found: bool = self._memoised(("waits", title, other), lambda: self._waits(title, other))
        return found

    def _waits(self, title: str, other: str) -> bool:
        if not self.exists(other):
            return False
        home, body = self.homes[title], self.body(title)
        if other in _listed(body.get("DependsOn", ())):
            return True
        return any(self._mentions(home, body.get(part), other) for part in ("Properties", "Metadata"))

    def _mentions(self, stack: Stack, expression: Any, title: str) -> bool:
        """Returns whether an expression refers to a resource; a condition is read only where the answer hangs on it."""
        if title not in self._names(expression):
            return False
        if isinstance(expression, Mapping):
            if "Fn::If" in expression:
                name, *branches = expression["Fn::If"]
                if all(title in self._names(branch) for branch in branches) and not any(map(_branches, branches)):
                    return True
                return self._mentions(stack, branches[0 if self.condition(stack, name) else 1], title)
            if title in _named_here(expression):
                return True
            return any(self._mentions(stack, item, title) for item in expression.values())
        return any(self._mentions(stack, item, title) for item in expression)

    def _names(self, expression: Any) -> frozenset[str]:
        """Returns every name that an expression of a template refers to, in whatever branch."""
        if not isinstance(expression, Mapping | list | tuple):
            return frozenset()
        found = self._named.get(id(expression))
        if found is None:
            items = expression.values() if isinstance(expression, Mapping) else expression
            here = _named_here(expression) if isinstance(expression, Mapping) else ()
            found = self._named[id(expression)] = frozenset(here).union(*map(self._names, items))
        return found

    def mentioned(self, stack: Stack, expression: Any) -> Iterator[str]:
        """Yields the resources that an expression refers to in the branches of `Fn::If` that count."""
        for title in sorted(self._names(expression)):
            if title in stack.section("Resources") and self._mentions(stack, expression, title):
                yield title

    def precedes(self, first: str, second: str) -> bool:
        """Returns whether `first` is complete before the creation of `second` begins; both exist."""
        for outer, inner in itertools.product(self._around(first), self._around(second)):
            if self.homes[outer] is self.homes[inner] and outer != inner:
                return self._precedes_beside(outer, inner)
        return False

    def _around(self, title: str) -> list[str]:
        home = self.homes[title]
        return [title, *(self._around(home.name) if home.parent is not None else [])]

    def _precedes_beside(self, first: str, second: str) -> bool:
        # Only what can lead to `first` is asked for: every other edge would be one more parameter to vary.
        leading = self._leading_to(first)
        known: set[str] = set()
        level = [second]
        while level:
            if any(first in self.may_wait_for(title) and self.waits(title, first) for title in level):
                return True
            known.update(level)
            level = list(
                dict.fromkeys(
                    other
                    for title in level
                    for other in self.may_wait_for(title)
                    if other in leading and other not in known and self.waits(title, other)
                )
            )
        return False

    def _leading_to(self, first: str) -> frozenset[str]:
        found = self._leading.get(first)
        if found is None:
            titles = self.homes[first].section("Resources")
            reached: set[str] = set()
            added = {first}
            while added:
                reached |= added
                added = {title for title in titles if not reached.isdisjoint(self.may_wait_for(title))} - reached
            found = self._leading[first] = frozenset(reached - {first})
        return found

    def output(self, stack: Stack, name: str) -> Any:
        """Returns the value of a stack's output, `Invalid` where the stack has none of that name."""
        declaration = stack.section("Outputs").get(name)
        if declaration is None:
            return Invalid(f"{stack.file} has no output {name}")
        if "Condition" in declaration and not self.condition(stack, declaration["Condition"]):
            return Invalid(f"output {name} of {stack.file} does not exist")
        return self._memoised(("output", stack.name, name), lambda: self.evaluate(stack, declaration["Value"]))

    def parameter(self, stack: Stack, name: str) -> Any:
        """Returns the value of a stack's parameter: as given for the root, as passed by the parent for a child."""
        declaration = stack.section("Parameters")[name]
        if stack.parent is None:
            value: Any = self._read(name)
        else:
            value = self._passed(stack, name, declaration)
        kind = str(declaration.get("Type", "String"))
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        return comma_separated(value) if is_list and not isinstance(value, list) else value

    def condition(self, stack: Stack, name: str) -> bool:
        """Returns whether a condition of a template holds; one that the template lacks does not."""
        expression = stack.section("Conditions").get(name)
        if expression is None:
            return False
        return self._memoised(("condition", stack.name, name), lambda: self.evaluate(stack, expression)) is True

    def violations(self) -> Iterator[str]:
        """Yields the descriptions of the root's rules that the given values violate: the stack would be refused."""
        for name, rule in self.root.section("Rules").items():
            if "RuleCondition" not in rule or self.evaluate(self.root, rule["RuleCondition"]) is True:
                for assertion in rule["Assertions"]:
                    if self.evaluate(self.root, assertion["Assert"]) is not True:
                        yield assertion.get("AssertDescription", name)

    def evaluate(self, stack: Stack, expression: Any) -> Any:
        """Returns the value of an expression in a template of this deployment, `NO_VALUE` where it removes itself."""
        if isinstance(expression, Mapping):
            if len(expression) == 1:
                ((name, argument),) = expression.items()
                if name == "Ref":
                    return self._ref(stack, str(argument))
                if name == "Fn::GetAtt":
                    return self._attribute(stack, argument)
                if name == "Fn::Sub":
                    return self._substituted(stack, argument)
                if name == "Fn::If":
                    return self.evaluate(stack, argument[1 if self.condition(stack, argument[0]) else 2])
                if name == "Condition" and isinstance(argument, str):
                    return self.condition(stack, argument)
                if name == "Fn::FindInMap":
                    return self._found_in_map(stack, argument)
                if name in ("Fn::And", "Fn::Or"):
                    return (all if name == "Fn::And" else any)(self.evaluate(stack, item) is True for item in argument)
                if name == "Fn::GetAZs":
                    region = self.evaluate(stack, argument) or self._pseudo["AWS::Region"]
                    return [f"{region}{letter}" for letter in "abc"]
                if name in FUNCTIONS:
                    return FUNCTIONS[name](self.evaluate(stack, argument))
                if name.startswith("Fn::"):
                    return Invalid(f"{name} is not known")
            values = {key: self.evaluate(stack, item) for key, item in expression.items()}
            return {key: value for key, value in values.items() if value is not NO_VALUE}
        if isinstance(expression, list | tuple):
            return [value for item in expression if (value := self.evaluate(stack, item)) is not NO_VALUE]
        return expression

    def _ref(self, stack: Stack, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name == "AWS::StackName":
            return self._pseudo[name] + (f"-{stack.name}-EXAMPLE" if stack.parent else "")
        if name == "AWS::StackId":
            number = list(self.stacks).index(stack.name)
            region, account = self._pseudo["AWS::Region"], self._pseudo["AWS::AccountId"]
            title = self._ref(stack, "AWS::StackName")
            uuid = f"{number:08x}-aaaa-4bbb-8ccc-000000000000"
            return f"arn:{self._pseudo['AWS::Partition']}:cloudformation:{region}:{account}:stack/{title}/{uuid}"
        if name in self._pseudo:
            return self._pseudo[name]
        if name in stack.section("Parameters"):
            return self.parameter(stack, name)
        if name in stack.section("Resources"):
            return Reference(name, "Ref")
        return Invalid(f"{name} is neither parameter nor resource")

    def _attribute(self, stack: Stack, argument: Any) -> Any:
        title, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        if title not in stack.section("Resources"):
            return Invalid(f"{title} is not a resource")
        if title in self.stacks and attribute.startswith("Outputs."):
            if not self.exists(title):
                return Invalid(f"{title} does not exist")
            return self.output(self.stacks[title], attribute.removeprefix("Outputs."))
        return Reference(title, attribute)

    def _substituted(self, stack: Stack, argument: Any) -> Any:
        text, variables = (argument, {}) if isinstance(argument, str) else argument
        parts: list[Any] = []
        for index, part in enumerate(re.split(r"\$\{([^}]+)\}", text)):
            if index % 2 == 0:
                parts.append(part)
            elif part.startswith("!"):
                parts.append("${" + part[1:] + "}")
            elif part in variables:
                parts.append(self.evaluate(stack, variables[part]))
            else:
                parts.append(self._attribute(stack, part) if "." in part else self._ref(stack, part))
        return concatenated(parts)

    def _found_in_map(self, stack: Stack, argument: Sequence[Any]) -> Any:
        mapping, first, second, *options = (self.evaluate(stack, item) for item in argument)
        try:
            return stack.section("Mappings")[mapping][first][second]
        except (KeyError, TypeError):
            default = options[0].get("DefaultValue") if options else None
            return Invalid(f"mapping {mapping} has no {first}, {second}") if default is None else default

    def _passed(self, stack: Stack, name: str, declaration: Mapping[str, Any]) -> Any:
        assert stack.parent is not None
        expression = self.body(stack.name).get("Properties", {}).get("Parameters", {})
        if name not in expression:
            return declaration.get("Default", Invalid(f"{stack.name} is not passed {name}"))
        parent = stack.parent
        return self._memoised(("parameter", stack.name, name), lambda: self.evaluate(parent, expression[name]))

    def _read(self, name: str) -> str:
        if name not in self._values:
            raise Unassigned(name)
        value = self._values[name]
        if self._frames:
            self._frames[-1][name] = value
        return value

    def _memoised(self, key: tuple[str, ...], compute: Callable[[], Any]) -> Any:
        entry = self._remembered(key)
        if entry is None:
            if key in self._active:
                return Invalid(f"{key[-1]} depends on itself")
            reads: dict[str, str] = {}
            self._frames.append(reads)
            self._active.add(key)
            try:
                value = compute()
            finally:
                self._frames.pop()
                self._active.discard(key)
            entry = _Entry(value, tuple(reads.items()))
            self._remember(key, entry)
        if self._frames:
            self._frames[-1].update(entry.reads)
        return entry.value

    def _remembered(self, key: tuple[str, ...]) -> _Entry | None:
        node = self._memos.get(key)
        while isinstance(node, _Branch):
            if node.name not in self._values:
                raise Unassigned(node.name)
            node = node.by_value.get(self._values[node.name])
        return node

    def _remember(self, key: tuple[str, ...], entry: _Entry) -> None:
        if not entry.reads:
            self._memos[key] = entry
            return
        node = self._memos.setdefault(key, _Branch(entry.reads[0][0]))
        for (_, value), (following, _) in zip(entry.reads, entry.reads[1:], strict=False):
            assert isinstance(node, _Branch)
            node = node.by_value.setdefault(value, _Branch(following))
        assert isinstance(node, _Branch)
        node.by_value[entry.reads[-1][1]] = entry


def _leaves(expression: Any, path: Path) -> Iterator[Path]:
    if isinstance(expression, Mapping) and not _is_function(expression):
        for key, item in expression.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(expression, list | tuple):
        for index, item in enumerate(expression):
            yield from _leaves(item, (*path, index))
    else:
        yield path


def _is_function(expression: Mapping[str, Any]) -> bool:
    return len(expression) == 1 and next(iter(expression)).startswith(("Fn::", "Ref", "Condition"))


def _listed(declared: str | Sequence[str]) -> Sequence[str]:
    return [declared] if isinstance(declared, str) else declared


def _named_here(expression: Mapping[str, Any]) -> Iterable[str]:
    """Returns the names that a reference refers to, none where the expression is no reference."""
    for key, item in expression.items():
        if key == "Ref":
            return (str(item),)
        if key == "Fn::GetAtt":
            return (item.split(".")[0] if isinstance(item, str) else str(item[0]),)
        if key == "Fn::Sub":
            return re.findall(r"\$\{([^!}.]+)[^}]*\}", item if isinstance(item, str) else item[0])
    return ()


def _branches(expression: Any) -> bool:
    """Returns whether an expression holds `Fn::If`."""
    if isinstance(expression, Mapping):
        return "Fn::If" in expression or any(map(_branches, expression.values()))
    return isinstance(expression, list | tuple) and any(map(_branches, expression))


Domain = Mapping[str, Sequence[str]]
"""The values to try of each parameter."""


def explore(
    question: Callable[[Mapping[str, str]], Any], domain: Domain, given: Mapping[str, str] | None = None
) -> Iterator[tuple[dict[str, str], Any]]:
    """Yields the values and the answer of `question` for every combination of the parameters that it reads.

    `question` takes the values and raises `Unassigned` where one is missing; only those in `domain` can be. Parameters
    that it does not read under a combination are not varied there: the answer does not depend on them.
    """
    pending = [dict(given or {})]
    while pending:
        values = pending.pop()
        try:
            answer = question(values)
        except Unassigned as missing:
            name = missing.name
            pending.extend({**values, name: value} for value in reversed(domain[name]))
        else:
            yield values, answer


def possible(deployment: Deployment, domain: Domain, values: Mapping[str, str]) -> bool:
    """Returns whether the root's rules admit `values`, whatever the parameters are that have no value yet."""
    first = explore(lambda given: next(deployment.given(given).violations(), None), domain, values)
    return any(violated is None for _, violated in first)


def same(first: Any, second: Any) -> bool:
    """Returns whether AWS takes two values for the same: numbers and booleans equal their text."""
    return bool(canonical(first) == canonical(second))

"""The one abstraction: a layer, and the two ways in which layers become templates.

A layer is a frozen dataclass of inputs, a frozen dataclass of outputs and one pure function between them that adds the
layer's resources to a scope. `NestedComposer` gives each layer a template of its own and wires the parent's
`AWS::CloudFormation::Stack` resources; `FlattenedComposer` puts all layers into one template and hands references
straight through. A stack is written once, against `Composer`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Final, Generic, Protocol, TypeVar

from troposphere import And as AllOf
from troposphere import (
    AWSHelperFn,
    AWSObject,
    Equals,
    FindInMap,
    GetAtt,
    If,
    Join,
    Or,
    Output,
    Parameter,
    Ref,
    Select,
    Split,
    Template,
    encode_to_dict,
)
from troposphere import Condition as ConditionReference
from troposphere.cloudformation import Stack

from generator.logic import Logic
from generator.parameters import PRESET_NAME, RootParameter
from generator.presets import PRESET, PRESETS, Mapping

Value = AWSHelperFn | str
"""What a property takes and an output gives: an intrinsic function or literal text."""

InputsT = TypeVar("InputsT")
OutputsT = TypeVar("OutputsT")
ResourceT = TypeVar("ResourceT", bound=AWSObject)

SUFFIX_PARAMETER: Final = "StackSuffix"
_MARKER: Final = "Composition::After"


class CompositionError(ValueError):
    """Layers do not fit together; the message names the layer and the clash."""


def wire(description: str) -> Any:
    """A field of a layer's inputs or outputs that carries one string; `description` is shown in the template."""
    return field(metadata={"description": description, "list": False})


def wire_list(description: str) -> Any:
    """A field of a layer's inputs or outputs that carries a list of strings."""
    return field(metadata={"description": description, "list": True})


class After(AWSHelperFn):
    """A value together with the titles of the resources that must be ready before it may be used.

    It renders as a marker; `rendered` takes the markers out and, in a flattened template, makes `DependsOn` of them.
    """

    def __init__(self, value: Value, resources: tuple[str, ...]) -> None:
        self.data = {_MARKER: [value, list(resources)]}


def after(value: Value, *resources: AWSObject) -> After:
    """Returns `value` with its readiness: whoever uses it is created only after `resources`.

    Nested composition gets that order from the stacks; flattened composition emits it as `DependsOn`.
    """
    return After(value, tuple(str(resource.title) for resource in resources))


@dataclass(frozen=True)
class Condition:
    """A named condition over root parameters; `expression` builds it and registers in the scope what it uses."""

    name: str
    expression: Callable[["Scope"], AWSHelperFn]


@dataclass(frozen=True)
class Layer(Generic[InputsT, OutputsT]):
    """One layer: `name` gives its stack's title and its file, `timeout` bounds its creation, in minutes."""

    name: str
    description: str
    timeout: int
    outputs: type[OutputsT]
    build: Callable[["Scope", InputsT], OutputsT]

    @property
    def file_name(self) -> str:
        """Name of the layer's template file."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", self.name).lower() + ".yaml"


class Scope:
    """The template that a layer adds to, with what it may use there: root parameters, mappings and conditions.

    Whatever is used is declared in the template by its first use, so a child template declares no more than it needs.
    """

    def __init__(
        self,
        template: Template,
        declare: Callable[[RootParameter], Parameter],
        suffix: Value | None,
        inputs: frozenset[str] = frozenset(),
    ) -> None:
        self.template = template
        self._inputs = inputs
        self.used_parameters: dict[str, RootParameter] = {}
        self.uses_suffix = False
        self._declare = declare
        self._suffix = suffix

    @property
    def suffix(self) -> Value:
        """Eight hexadecimal digits from the root stack's id: what makes a name that AWS bounds unique."""
        if self._suffix is None:
            raise CompositionError("this template has no suffix: only the runtime's layers name resources by it")
        self.uses_suffix = True
        return self._suffix

    def parameter(self, parameter: RootParameter) -> Ref:
        """Returns the reference to a root parameter, as the user gave it."""
        if parameter.name in self._inputs:
            raise CompositionError(f"{parameter.name} is both a root parameter and an input of the same layer")
        if parameter.name not in self.template.parameters:
            self.template.add_parameter(self._declare(parameter))
        self.used_parameters[parameter.name] = parameter
        return Ref(parameter.name)

    def setting(self, parameter: RootParameter) -> AWSHelperFn:
        """Returns the value of a root parameter that may be left to the preset."""
        reference = self.parameter(parameter)
        if not parameter.overrides_preset:
            return reference
        return self.choose(_left_to_preset(parameter), self.preset(parameter.name), reference)

    def preset(self, key: str) -> FindInMap:
        """Returns the chosen preset's value of `key`."""
        return self.find(PRESETS, self.parameter(PRESET_NAME), key)

    def find(self, mapping: Mapping, first: Value, second: Value) -> FindInMap:
        """Returns the value in `mapping` under two keys."""
        if mapping.name not in self.template.mappings:
            self.template.add_mapping(mapping.name, mapping.rows)
        return FindInMap(mapping.name, first, second)

    def condition(self, condition: Condition) -> str:
        """Declares a condition in the template and returns its name."""
        expression = condition.expression(self)
        known = self.template.conditions.get(condition.name)
        if known is None:
            self.template.add_condition(condition.name, expression)
        elif encode_to_dict(known) != encode_to_dict(expression):
            raise CompositionError(f"two different conditions are named {condition.name}")
        return condition.name

    def holds(self, condition: Condition) -> ConditionReference:
        """Returns the reference to a condition for use in another one."""
        return ConditionReference(self.condition(condition))

    def choose(self, condition: Condition, then: Any, otherwise: Any) -> If:
        """Returns `then` where the condition holds, else `otherwise`."""
        return If(self.condition(condition), then, otherwise)

    def add(
        self,
        resource: ResourceT,
        description: str,
        when: Condition | None = None,
        lint_exceptions: dict[str, str] | None = None,
        wildcards: dict[str, str] | None = None,
    ) -> ResourceT:
        """Adds a resource with the one sentence that says what it is for, existing only `when` the condition holds.

        `lint_exceptions` maps a cfn-lint rule to the reason why its finding is none for this resource; `wildcards` the
        id of a policy statement on all resources, or on all of a service's actions, to the reason why.
        """
        if when is not None:
            resource.Condition = self.condition(when)
        resource.Metadata = {"Description": description}
        if lint_exceptions:
            resource.Metadata["LintExceptions"] = lint_exceptions
            resource.Metadata["cfn-lint"] = {"config": {"ignore_checks": list(lint_exceptions)}}
        if wildcards:
            resource.Metadata["Wildcards"] = wildcards
        if resource.title in self.template.resources:
            raise CompositionError(f"two layers add a resource titled {resource.title}")
        self.template.add_resource(resource)
        return resource


def chosen(name: str, parameter: RootParameter, value: str) -> Condition:
    """Returns the condition that `parameter`, or the preset where the parameter is left to it, has `value`."""

    def expression(scope: Scope) -> AWSHelperFn:
        given = Equals(scope.parameter(parameter), value)
        if not parameter.overrides_preset:
            return given
        left = scope.holds(_left_to_preset(parameter))
        return Or(given, AllOf(left, Equals(scope.preset(parameter.name), value)))

    return Condition(name, expression)


def _left_to_preset(parameter: RootParameter) -> Condition:
    return Condition(f"{parameter.name}FromPreset", lambda scope: Equals(scope.parameter(parameter), PRESET))


class Composer(Protocol):
    """What a stack is written against."""

    @property
    def scope(self) -> Scope:
        """The root template's scope, for the stack's outputs."""

    def layer(self, layer: Layer[InputsT, OutputsT], inputs: InputsT, when: Condition | None = None) -> OutputsT:
        """Adds a layer, existing only `when` the condition holds, and returns its outputs for the next layers."""


class NestedComposer:
    """Composes a parent template and one child template a layer; `children` holds these by file name."""

    def __init__(self, template: Template) -> None:
        self.scope = Scope(template, root_parameter, root_suffix())
        self.children: dict[str, Template] = {}

    def layer(self, layer: Layer[InputsT, OutputsT], inputs: InputsT, when: Condition | None = None) -> OutputsT:
        """Builds the layer in a child template whose parameters are its inputs and the root parameters it uses."""
        child = Template(Description=layer.description)
        child.set_version()
        titles = frozenset(pascal_case(wired.name) for wired in fields(inputs))  # type: ignore[arg-type]  # see below
        scope = Scope(child, child_parameter, Ref(SUFFIX_PARAMETER), titles)
        arguments: dict[str, Value] = {}
        received: dict[str, Value] = {}
        for wired in fields(inputs):  # type: ignore[arg-type]  # TypeVar cannot be bound to "a dataclass"
            title = pascal_case(wired.name)
            child.add_parameter(
                Parameter(
                    title,
                    Type="CommaDelimitedList" if wired.metadata["list"] else "String",
                    Description=wired.metadata["description"],
                )
            )
            arguments[title] = getattr(inputs, wired.name)
            received[wired.name] = Ref(title)
        outputs = layer.build(scope, type(inputs)(**received))
        if scope.uses_suffix:
            child.add_parameter(
                Parameter(SUFFIX_PARAMETER, Type="String", Description="Eight digits that make bounded names unique.")
            )
            arguments[SUFFIX_PARAMETER] = self.scope.suffix
        for parameter in scope.used_parameters.values():
            reference = self.scope.parameter(parameter)
            arguments[parameter.name] = Join(",", reference) if parameter.type == "CommaDelimitedList" else reference
        stack = self.scope.add(
            Stack(
                f"{layer.name}Stack",
                TemplateURL=layer.file_name,
                TimeoutInMinutes=layer.timeout,
                Parameters=arguments,
                DeletionPolicy="Delete",
                UpdateReplacePolicy="Delete",
            ),
            layer.description,
            when,
        )
        handed: dict[str, Value] = {}
        for wired in fields(layer.outputs):  # type: ignore[arg-type]  # as above
            value = getattr(outputs, wired.name)
            title = pascal_case(wired.name)
            child.add_output(
                Output(
                    title,
                    Description=wired.metadata["description"],
                    Value=Join(",", value) if wired.metadata["list"] else value,
                )
            )
            result: Value = GetAtt(stack, f"Outputs.{title}")
            handed[wired.name] = result if when is None else self.scope.choose(when, result, "")
        self.children[layer.file_name] = child
        return layer.outputs(**handed)


class FlattenedComposer:
    """Composes one template that holds every layer's resources."""

    def __init__(self, template: Template) -> None:
        self.scope = Scope(template, root_parameter, root_suffix())

    def layer(self, layer: Layer[InputsT, OutputsT], inputs: InputsT, when: Condition | None = None) -> OutputsT:
        """Builds the layer in the one template; its resources carry their own conditions, so `when` adds nothing."""
        return layer.build(self.scope, inputs)


def root_parameter(parameter: RootParameter) -> Parameter:
    """Returns the parameter as the root template declares it."""
    properties: dict[str, Any] = {"Type": parameter.type, "Description": parameter.description}
    if parameter.default is not None:
        properties["Default"] = parameter.default
    if parameter.allowed_pattern is not None:
        properties["AllowedPattern"] = parameter.allowed_pattern
    if parameter.allowed_values:
        properties["AllowedValues"] = list(parameter.allowed_values)
    if parameter.minimum is not None:
        properties["MinValue"] = parameter.minimum
    if parameter.maximum is not None:
        properties["MaxValue"] = parameter.maximum
    if parameter.max_length is not None:
        properties["MaxLength"] = parameter.max_length
    if parameter.constraint is not None:
        properties["ConstraintDescription"] = parameter.constraint
    return Parameter(parameter.name, **properties)


def child_parameter(parameter: RootParameter) -> Parameter:
    """Returns the parameter as a child template declares it: the root has checked the value already."""
    return Parameter(parameter.name, Type=parameter.type, Description=parameter.description)


def root_suffix() -> Select:
    """Returns the first eight digits of the UUID that ends the root stack's id (`arn:…:stack/name/uuid`)."""
    return Select(0, Split("-", Select(2, Split("/", Ref("AWS::StackId")))))


def pascal_case(name: str) -> str:
    """Returns `vpc_id` as `VpcId`: a field's name as a parameter's or output's title."""
    return "".join(part.capitalize() for part in name.split("_"))


def rendered(template: Template, wait: bool) -> dict[str, Any]:
    """Returns the template as plain data, without readiness markers.

    With `wait`, each resource waits for what the values that it uses need ready, unless it refers to that anyway.
    """
    result: dict[str, Any] = template.to_dict()
    resources = result["Resources"]
    logic = Logic(result.get("Conditions", {}))
    for title in resources:
        resources[title], awaited = _without_markers(resources[title])
        if wait:
            _wait(resources, title, awaited, logic)
    if "Outputs" in result:
        result["Outputs"] = _without_markers(result["Outputs"])[0]
    return result


def _wait(resources: dict[str, Any], title: str, awaited: list[str], logic: Logic) -> None:
    resource = resources[title]
    declared = resource.get("DependsOn", [])
    depends_on = [declared] if isinstance(declared, str) else list(declared)
    assumed = frozenset({(resource["Condition"], True)} if "Condition" in resource else ())
    maybe: dict[str, Any] = {}
    for name in dict.fromkeys(awaited):
        if name in depends_on or name in set(referenced_titles(resource["Properties"])):
            continue
        condition = resources[name].get("Condition")
        exists = True if condition is None else logic.decide(condition, assumed)
        if exists:
            depends_on.append(name)
        elif exists is None:
            maybe[name] = {"Fn::If": [condition, {"Ref": name}, ""]}
    if depends_on:
        resource["DependsOn"] = depends_on
    if maybe:
        # DependsOn takes no condition; a reference from the metadata makes CloudFormation wait as well.
        resource["Metadata"] = {**resource["Metadata"], "WaitsFor": maybe}


def _without_markers(data: Any) -> tuple[Any, list[str]]:
    awaited: list[str] = []

    def strip(item: Any) -> Any:
        if isinstance(item, dict):
            if _MARKER in item:
                value, resources = item[_MARKER]
                awaited.extend(resources)
                return strip(value)
            return {key: strip(value) for key, value in item.items()}
        if isinstance(item, list):
            return [strip(value) for value in item]
        return item

    return strip(data), awaited


def referenced_titles(data: Any) -> Iterator[str]:
    """Yields what `Ref`, `Fn::GetAtt` and `Fn::Sub` in plain template data name, pseudo parameters left out."""
    if isinstance(data, dict):
        for key, item in data.items():
            if key == "Ref" and not item.startswith("AWS::"):
                yield item
            elif key == "Fn::GetAtt":
                yield item[0] if isinstance(item, list) else item.split(".")[0]
            elif key == "Fn::Sub":
                text = item[0] if isinstance(item, list) else item
                yield from re.findall(r"\$\{([A-Za-z0-9]+)(?:\.[A-Za-z0-9.]+)?\}", text)
            yield from referenced_titles(item)
    elif isinstance(data, list):
        for item in data:
            yield from referenced_titles(item)

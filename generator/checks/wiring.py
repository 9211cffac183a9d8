"""Whether names lead somewhere: references, conditions, mappings, and what parent and children hand each other."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from generator.checks.domain import representatives
from generator.checks.findings import Defect, Finding, Rule, at, walk
from generator.evaluation import STACK, Deployment, Path, Stack, explore, possible
from generator.symbols import invalid

PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in (
        "AccountId", "NoValue", "NotificationARNs", "Partition", "Region", "StackId", "StackName", "URLSuffix",
    )
)  # fmt: skip


def unique_ids(deployment: Deployment) -> Iterator[Finding]:
    """A logical id names one resource in all templates together, so that both forms can hold it."""
    for stack in deployment.stacks.values():
        for title in stack.section("Resources"):
            if deployment.homes[title] is not stack:
                other = deployment.homes[title].file
                yield _finding(unique_ids, stack, title, "", f"{title} is also a resource of {other}.")


def dangling_names(deployment: Deployment) -> Iterator[Finding]:
    """Every name in Ref, GetAtt, Sub, If, Condition, DependsOn and FindInMap stands for something in its template."""
    for stack in deployment.stacks.values():
        for path, kind, name in _names(stack):
            if name not in _known(stack, kind):
                sentence = f"{stack.file} has no {kind} named {name}."
                yield _finding(dangling_names, stack, _title(path), path, sentence)


def unused_declarations(deployment: Deployment) -> Iterator[Finding]:
    """Every parameter, condition and mapping is used in its template; the root's parameters too."""
    for stack in deployment.stacks.values():
        used = {(kind, name) for _, kind, name in _names(stack)}
        for kind, section in (("condition", "Conditions"), ("mapping", "Mappings"), ("value", "Parameters")):
            for name in stack.section(section):
                if (kind, name) not in used:
                    sentence = f"{name} is declared in {stack.file} but not used."
                    yield _finding(unused_declarations, stack, "", f"{section}.{name}", sentence)


def child_parameters(deployment: Deployment) -> Iterator[Finding]:
    """A parent passes exactly the parameters that the child declares; one with a default may be left out."""
    for stack in _children(deployment):
        passed = _passed(deployment, stack)
        declared = stack.section("Parameters")
        for name in declared:
            if name not in passed and "Default" not in declared[name]:
                sentence = f"{stack.file} declares {name}, which {stack.name} is not passed."
                yield _parent_finding(child_parameters, stack, f"Parameters.{name}", sentence)
        for name in passed:
            if name not in declared:
                sentence = f"{stack.name} is passed {name}, which {stack.file} does not declare."
                yield _parent_finding(child_parameters, stack, f"Parameters.{name}", sentence)


def child_outputs(deployment: Deployment) -> Iterator[Finding]:
    """A parent uses exactly the outputs that its children have; exported ones may be used by others."""
    for stack in _children(deployment):
        assert stack.parent is not None
        used = set(_used_outputs(stack.parent, stack.name))
        outputs = stack.section("Outputs")
        for name in outputs:
            if name not in used and "Export" not in outputs[name]:
                sentence = f"Output {name} of {stack.file} is used by nobody."
                yield _finding(child_outputs, stack, "", f"Outputs.{name}", sentence)
        for name in sorted(used - set(outputs)):
            sentence = f"{stack.parent.file} uses output {name}, which {stack.file} does not have."
            yield _parent_finding(child_outputs, stack, "", sentence)


def unconditional_outputs(deployment: Deployment) -> Iterator[Finding]:
    """A child's outputs exist under every condition, since a parent cannot ask for one that does not."""
    for stack in _children(deployment):
        for name, output in stack.section("Outputs").items():
            if "Condition" in output:
                sentence = f"Output {name} of {stack.file} has a condition: its parent fails where it does not hold."
                yield _finding(unconditional_outputs, stack, "", f"Outputs.{name}.Condition", sentence)


def mistyped_parameters(deployment: Deployment) -> Iterator[Finding]:
    """A child's list parameter takes a joined list, its other parameters one value."""
    for stack in _children(deployment):
        assert stack.parent is not None
        passed = _passed(deployment, stack)
        for name, declaration in stack.section("Parameters").items():
            if name not in passed:
                continue
            kind = str(declaration.get("Type", "String"))
            wants_list = kind == "CommaDelimitedList" or kind.startswith("List<")
            gives = _shape(deployment, stack.parent, passed[name])
            if gives == "list":
                sentence = (
                    f"{name} of {stack.name} is passed a list: a stack's parameter is text, so join it with commas."
                )
            elif gives == "joined" and not wants_list:
                sentence = f"{name} of {stack.name} is of type {kind} and is passed a joined list."
            elif gives == "text" and wants_list:
                sentence = f"{name} of {stack.name} is of type {kind} and is passed a single value."
            else:
                continue
            yield _parent_finding(mistyped_parameters, stack, f"Parameters.{name}", sentence)


def typed_parameters_may_be_empty(deployment: Deployment) -> Iterator[Finding]:
    """An AWS-typed parameter has no empty default: AWS refuses the empty value, and no linter says so."""
    for stack in deployment.stacks.values():
        for name, declaration in stack.section("Parameters").items():
            if "AWS::" in str(declaration.get("Type")) and declaration.get("Default", "x") == "":
                sentence = f"{name} has type {declaration['Type']}, which refuses its empty default."
                yield _finding(typed_parameters_may_be_empty, stack, "", f"Parameters.{name}", sentence)


def described_resources(deployment: Deployment) -> Iterator[Finding]:
    """Every resource says in its metadata, in one sentence, what it is for."""
    for title, stack in deployment.homes.items():
        description = (deployment.body(title).get("Metadata") or {}).get("Description", "")
        if not re.fullmatch(r"\S.*[.]", description):
            yield _finding(described_resources, stack, title, "Metadata.Description", f"{title} has no description.")


def conditional_references(deployment: Deployment, title: str, name: str) -> Iterator[Defect]:
    """What a resource refers to exists whenever the resource does."""
    for other in deployment.mentioned(deployment.homes[title], deployment.body(title)["Properties"][name]):
        if not deployment.exists(other):
            yield Defect(f"Properties.{name}", f"{title} refers to {other}, which does not exist whenever it does.")


def metadata_references(deployment: Deployment, title: str) -> Iterator[Defect]:
    """What a resource waits for through its metadata exists whenever the resource does."""
    for other in deployment.mentioned(deployment.homes[title], deployment.body(title).get("Metadata")):
        if not deployment.exists(other):
            yield Defect("Metadata", f"{title} waits for {other}, which does not exist whenever it does.")


def stack_references(deployment: Deployment, title: str) -> Iterator[Defect]:
    """The nested stacks that a nested stack refers to exist whenever it does."""
    for other in deployment.mentioned(deployment.homes[title], deployment.body(title).get("Properties", {})):
        if not deployment.exists(other):
            yield Defect("Properties", f"{title} refers to {other}, which does not exist whenever it does.")


def output_references(deployment: Deployment) -> Iterator[Finding]:
    """What an output refers to exists whenever the output does."""
    domain = representatives(deployment)
    for stack in deployment.stacks.values():
        for name, output in stack.section("Outputs").items():

            def missing(values: Mapping[str, str], stack: Stack = stack, output: Any = output) -> list[str]:
                deployment.given(values)
                if stack.name and not deployment.exists(stack.name):
                    return []
                if "Condition" in output and not deployment.condition(stack, output["Condition"]):
                    return []
                found = deployment.mentioned(stack, output.get("Value"))
                return [other for other in found if not deployment.exists(other)]

            for values, others in explore(missing, domain):
                if others and possible(deployment, domain, values):
                    sentence = f"Output {name} of {stack.file} refers to {others[0]}, which does not always exist."
                    yield _finding(output_references, stack, "", f"Outputs.{name}", sentence)
                    break


def valid_values(deployment: Deployment, title: str, path: Path) -> Iterator[Defect]:
    """No property selects beyond a list's end, finds nothing in a mapping or calls an unknown function."""
    for value in invalid(deployment.part(title, path)):
        yield Defect(f"Properties.{path[0]}", f"{path[0]} of {title} cannot be made: {value.reason}.")


def _children(deployment: Deployment) -> list[Stack]:
    return [stack for stack in deployment.stacks.values() if stack.parent is not None]


def _finding(question: Any, stack: Stack, title: str, path: str, sentence: str) -> Finding:
    return at(Finding(stack.file, title, path, "", sentence), question)


def _parent_finding(question: Any, stack: Stack, path: str, sentence: str) -> Finding:
    assert stack.parent is not None
    return _finding(question, stack.parent, stack.name, f"Properties.{path}" if path else "", sentence)


def _passed(deployment: Deployment, stack: Stack) -> Mapping[str, Any]:
    found: Mapping[str, Any] = deployment.body(stack.name).get("Properties", {}).get("Parameters", {})
    return found


def _title(path: str) -> str:
    section, _, rest = path.partition(".")
    return rest.split(".")[0].split("[")[0] if section == "Resources" else ""


def _known(stack: Stack, kind: str) -> set[str]:
    if kind == "condition":
        return set(stack.section("Conditions"))
    if kind == "mapping":
        return set(stack.section("Mappings"))
    if kind == "resource":
        return set(stack.section("Resources"))
    return set(stack.section("Resources")) | set(stack.section("Parameters")) | PSEUDO_PARAMETERS


def _names(stack: Stack) -> Iterator[tuple[str, str, str]]:
    for section in ("Conditions", "Rules", "Resources", "Outputs"):
        for path, node in walk(stack.section(section), section):
            if isinstance(node, Mapping):
                yield from ((path, kind, name) for kind, name in _names_of(node))


def _names_of(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "Ref" in node and len(node) == 1:
        yield "value", str(node["Ref"])
    if isinstance(node.get("Condition"), str):
        yield "condition", node["Condition"]
    if "Fn::If" in node:
        yield "condition", node["Fn::If"][0]
    if "Fn::GetAtt" in node:
        argument = node["Fn::GetAtt"]
        yield "resource", argument.split(".")[0] if isinstance(argument, str) else argument[0]
    if "Fn::FindInMap" in node and isinstance(node["Fn::FindInMap"][0], str):
        yield "mapping", node["Fn::FindInMap"][0]
    if "Fn::Sub" in node:
        text, variables = (node["Fn::Sub"], {}) if isinstance(node["Fn::Sub"], str) else node["Fn::Sub"]
        for name, attribute in re.findall(r"\$\{([^!}.]+)(\.[^}]+)?\}", text):
            if name not in variables:
                yield ("resource" if attribute else "value"), name
    if "Type" in node and "DependsOn" in node:
        depends = node["DependsOn"]
        yield from (("resource", name) for name in ([depends] if isinstance(depends, str) else depends))


def _used_outputs(parent: Stack, child: str) -> Iterator[str]:
    for section in ("Resources", "Outputs"):
        for _, node in walk(parent.section(section)):
            if isinstance(node, Mapping) and "Fn::GetAtt" in node:
                argument = node["Fn::GetAtt"]
                title, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                if title == child and attribute.startswith("Outputs."):
                    yield attribute.removeprefix("Outputs.")
            elif isinstance(node, Mapping) and "Fn::Sub" in node:
                text = node["Fn::Sub"] if isinstance(node["Fn::Sub"], str) else node["Fn::Sub"][0]
                yield from re.findall(rf"\$\{{{child}\.Outputs\.([^}}]+)\}}", text)


def _shape(deployment: Deployment, stack: Stack, expression: Any) -> str:
    """Returns `list`, `joined` (text that holds a list), `text`, or `empty`, which fits both."""
    if expression == "" or expression == {"Ref": "AWS::NoValue"}:
        return "empty"
    if isinstance(expression, list | tuple):
        return "list"
    if not isinstance(expression, Mapping):
        return "joined" if "," in str(expression) else "text"
    argument: Any
    name, argument = next(iter(expression.items())) if len(expression) == 1 else ("", None)
    if name == "Fn::If":
        shapes = [_shape(deployment, stack, branch) for branch in argument[1:]]
        return next((shape for shape in ("list", "joined", "text") if shape in shapes), "empty")
    if name == "Fn::Join":
        return "joined" if argument[0] == "," else "text"
    if name in ("Fn::Split", "Fn::GetAZs", "Fn::Cidr"):
        return "list"
    if name == "Ref" and argument in stack.section("Parameters"):
        kind = str(stack.section("Parameters")[argument].get("Type", "String"))
        return "list" if kind == "CommaDelimitedList" or kind.startswith("List<") else "text"
    if name == "Fn::GetAtt":
        title, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        child = deployment.stacks.get(title)
        output = child.section("Outputs").get(attribute.removeprefix("Outputs.")) if child else None
        return _shape(deployment, child, output["Value"]) if child and output else "text"
    return "text"


TEMPLATE_QUESTIONS = (
    unique_ids,
    dangling_names,
    unused_declarations,
    child_parameters,
    child_outputs,
    unconditional_outputs,
    mistyped_parameters,
    typed_parameters_may_be_empty,
    described_resources,
)
EVALUATING_QUESTIONS = (output_references,)
RULES = (
    Rule(of_property=conditional_references),
    Rule(metadata_references),
    Rule(stack_references, (STACK,)),
    Rule(of_part=valid_values),
)

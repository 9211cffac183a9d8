"""`docs/reference/server-settings.md`: the environment variables of the server, read from its source.

The server has packages of its own and is never imported here: its settings are a dataclass whose docstring says of each
field what it means and which variable sets it, and that is read as text.
"""

import ast
import operator
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from deployer.reference.markdown import code, listed, table
from generator.stacks import template_dicts

SOURCE: Final = Path(__file__).resolve().parents[2] / "server" / "settings.py"
SWITCHED: Final = {"TRACES_URL": "TRACES"}
HEAD: Final = """# Server settings

The server takes everything from its environment and serves with nothing set: `python -m server`. A value that cannot be
used ends it at once with one sentence that names the variable. On AWS the task definition sets those that are marked;
the rest keep their defaults.

`python build.py generate` makes this page from `server/settings.py` and the templates.
"""
TOKENS: Final = """## Tokens

With `REQUIRE_TOKEN` set to `on` the server admits only requests with a token, as the load balancer before it does.
"""
_OPERATORS: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
    ast.FloorDiv: operator.floordiv,
    ast.Sub: operator.sub,
}


def page() -> str:
    """Returns the page's text."""
    module = ast.parse(SOURCE.read_text(encoding="utf-8"))
    constants = _constants(module)
    given = _given_by_the_task()
    head = ["variable", "means", "default", "bounds", "set by the task definition"]
    bounds = _bounds(module, constants)
    settings = _class(module, "Settings")
    defaults = _defaults(settings, constants)
    rows = []
    for field, meaning, variable in _entries(settings):
        if field == "token":
            continue
        meaning = re.sub(r"`([A-Z_]+)`", lambda name: listed(constants[name[1]]), meaning)
        name = SWITCHED.get(variable, variable)
        names = [variable] if name == variable else [name, variable]
        marked = ", ".join("yes" for one in names[:1] if one in given)
        rows.append([", ".join(map(code, names)), meaning, code(defaults[field]), bounds.get(variable, ""), marked])
    token = _class(module, "TokenRules")
    asked = [
        ["`REQUIRE_TOKEN`", "whether tokens are asked for: `on` or `off`", "`off`", "", _yes("REQUIRE_TOKEN", given)]
    ]
    token_defaults = _defaults(token, constants)
    asked += [
        [code(variable), meaning, code(token_defaults[field]), "", _yes(variable, given)]
        for field, meaning, variable in _entries(token)
    ]
    return "\n".join([HEAD, table(head, rows), "", TOKENS, table(head, asked), ""])


def _yes(variable: str, given: frozenset[str]) -> str:
    return "yes" if variable in given else ""


def _class(module: ast.Module, name: str) -> ast.ClassDef:
    return next(node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name)


def _entries(settings: ast.ClassDef) -> list[tuple[str, str, str]]:
    """Returns each field with its meaning and its variable, which the docstring has in brackets at the end."""
    text = ast.get_docstring(settings) or ""
    found = []
    for entry in re.findall(r"^(\w+: .*(?:\n    .*)*)", text, flags=re.MULTILINE):
        field, _, meaning = " ".join(entry.split()).partition(": ")
        told, _, bracket = meaning.rstrip(".").rpartition(" (")
        # The last name in the brackets is the field's own; words beside it say how it is written.
        variable = re.findall(r"\b[A-Z][A-Z_]+\b", bracket)
        own = next(name for name in variable if name.lower().endswith(field.split("_")[-1].lower()))
        how = re.sub(rf"^(?:.*?\b{own}\b)[,;]?\s*", "", bracket.rstrip(")"))
        sentence = f"{told} ({how})" if how else told
        found.append((field, sentence.replace("``", "`"), own))
    return found


def _constants(module: ast.Module) -> dict[str, Any]:
    constants: dict[str, Any] = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = _value(node.value, constants)
            if value is not None:
                constants[node.targets[0].id] = value
    return constants


def _value(node: ast.expr | None, constants: dict[str, Any]) -> Any:
    """Returns what an expression of numbers, texts and names of constants is; None for any other."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return constants.get(name)
        case ast.Tuple(elts=elements):
            return tuple(_value(element, constants) for element in elements)
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_value(left, constants), _value(right, constants))
        case ast.Call(keywords=keywords):
            return next((_value(one.value, constants) for one in keywords if one.arg == "default"), None)
    return None


def _defaults(settings: ast.ClassDef, constants: dict[str, Any]) -> dict[str, str]:
    found = {}
    for node in settings.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            value = _value(node.value, constants)
            text = ",".join(value) if isinstance(value, tuple) else value
            found[node.target.id] = "" if text is None else str(text)
    return found


def _bounds(module: ast.Module, constants: dict[str, Any]) -> dict[str, str]:
    """Returns what each variable may be, from `setting("NAME", _whole_number(low, high), …)` and its like."""
    found = {}
    for node in ast.walk(module):
        match node:
            case ast.Call(
                func=ast.Name(id="setting"),
                args=[ast.Constant(value=str(variable)), ast.Call(func=ast.Name(id=kind), args=arguments), *_],
            ):
                values = [_value(argument, constants) for argument in arguments]
                if kind == "_whole_number":
                    found[variable] = f"{values[0]} to {values[1]}"
                elif kind == "_one_of":
                    found[variable] = ", ".join(code(value) for value in values)
    return found


def _given_by_the_task() -> frozenset[str]:
    names: set[str] = set()

    def look(node: Any) -> None:
        if isinstance(node, dict):
            for key in ("Environment", "Secrets"):
                names.update(find_names(node.get(key)))
            for value in node.values():
                look(value)
        elif isinstance(node, list):
            for value in node:
                look(value)

    def find_names(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["Name"]} if isinstance(node.get("Name"), str) else set()
            return own.union(*(find_names(value) for value in node.values()))
        return set().union(*(find_names(value) for value in node)) if isinstance(node, list) else set()

    definitions = (
        resource
        for resource in template_dicts()["service.yaml"]["Resources"].values()
        if resource["Type"] == "AWS::ECS::TaskDefinition"
    )
    for definition in definitions:
        look(definition)
    return frozenset(names)

"""`docs/reference/configuration.md`: every key of `deployment.toml`, from the sections that read it."""

import re
import tomllib
from dataclasses import Field
from pathlib import Path
from typing import Any, Final

from deployer.reference.markdown import code, listed, table
from deployer.sections import CHECK, PARAMETER, SECTIONS, SWITCH, VARIABLE, keys, natural
from generator.parameters import RootParameter
from generator.presets import PRESETS

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "deployment.example.toml"
FEW: Final = 8
"""A choice of more values than these is told by its first and last."""
HEAD: Final = """# Configuration

`deployment.toml` says what is deployed where: copy `deployment.example.toml`, in which every key stands with its
default, and change what you need. Values are checked before anything is asked of AWS; a key that is not on this page is
an error (exit status 2). An empty text means "not given".

Keys of most sections become [parameters of the template](parameters.md), and a target may have values of its own for
them: `overrides.SECTION.KEY` in its `[[targets]]` table. All but `[image]`, `[stack_set]` and `[catalog]` are such.

`python build.py generate` makes this page from `deployer/sections.py` and `generator/parameters.py`.
"""
TABLES: Final = """## `[[targets]]`

One table for each account and Region, or with `stack_set.permission_model = "service-managed"` for each unit and
Region. At least one is needed.

| key | means |
| --- | --- |
| `account` | the 12-digit account id, in quotes; self-managed only |
| `organizational_unit` | the unit's id, or the root's; units below it are included; service-managed only |
| `only_accounts`, `except_accounts` | of the unit these accounts alone, or all but these; service-managed only |
| `region` | the Region |
| `overrides` | values of this target alone: `overrides.compute.task_size = "1024-2048"` |

## `[[access]]`

Who may call which tool, held to where `gateway.tool_access` says so; see [who may call which
tool](../explanation/security-model.md#who-may-call-which-tool).

| key | means |
| --- | --- |
| `principal` | ARN of a role, a user, or an account's `root` for all its identities; `*` stands for anything |
| `tools` | names; `*` for all but those that are annotated destructive, which are granted by name only |

## `[[providers]]`

More tools than the server's own: [bring tools](../bring-tools.md#a-package-an-api-another-server) has the keys.
"""


def page() -> str:
    """Returns the page's text."""
    comments = _comments(EXAMPLE.read_text(encoding="utf-8"))
    sections = [_section(name, kind, comments) for name, kind in SECTIONS.items()]
    return "\n".join([HEAD, *sections, _presets(), TABLES])


def _section(name: str, kind: type[Any], comments: dict[str, str]) -> str:
    rows = [
        [code(key), _meaning(setting, comments[f"{name}.{key}"]), _values(setting), _default(setting)]
        for key, setting in keys(kind).items()
    ]
    about = (kind.__doc__ or "").partition(": ")[2]
    return f"## `[{name}]`\n\n{about[0].upper()}{about[1:]}\n\n{table(['key', 'means', 'value', 'default'], rows)}\n"


def _presets() -> str:
    """Returns what the value `preset` means, by setting."""
    names = {
        setting.metadata[PARAMETER].name: f"{section}.{key}"
        for section, kind in VARIABLE.items()
        for key, setting in keys(kind).items()
    }
    rows = [
        [code(names[name]) if name in names else name, *(code(values[name]) for values in PRESETS.rows.values())]
        for name in next(iter(PRESETS.rows.values()))
    ]
    return f"## What a preset decides\n\n{table(['setting', *map(code, PRESETS.rows)], rows)}\n"


def _values(setting: "Field[Any]") -> str:
    parameter: RootParameter | None = setting.metadata.get(PARAMETER)
    if isinstance(setting.default, bool):
        return "`true`, `false`"
    if parameter is None:
        return _sentence(setting.metadata[CHECK][1])
    if set(SWITCH) <= set(parameter.allowed_values):
        others = [f'"{value}"' for value in parameter.allowed_values if value not in SWITCH]
        return listed(["true", "false", *others])
    if parameter.type == "CommaDelimitedList":
        items = _sentence(parameter.constraint or "").removesuffix(", or empty").removesuffix(", separated by commas")
        return f"a list of {items}"
    if parameter.allowed_values:
        written = [_written(natural(parameter, value)) for value in parameter.allowed_values]
        if len(written) <= FEW:
            return listed(written)
        first = 1 if parameter.overrides_preset else 0
        return f"{listed(written[: first + 3])} … {code(written[-1])} ([all](parameters.md#all-values-of-long-choices))"
    if parameter.type == "Number":
        return f"a number from {parameter.minimum} to {parameter.maximum}"
    return _sentence(parameter.constraint or "")


def _sentence(constraint: str) -> str:
    return constraint.removeprefix("must be ")


def _default(setting: "Field[Any]") -> str:
    return code(_written(setting.default))


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    return str(value) if isinstance(value, int) else f'"{value}"'


def _meaning(setting: "Field[Any]", comment: str) -> str:
    parameter: RootParameter | None = setting.metadata.get(PARAMETER)
    if parameter:
        return parameter.description
    # In the example the value stands before its comment, which may go on from it.
    goes_on = comment.startswith("or ")
    return f"{_written(setting.default)} {comment}" if goes_on else comment[:1].upper() + comment[1:]


def _comments(example: str) -> dict[str, str]:
    """Returns what the example says of each key, by `section.key`; a comment may go on in lines of its own."""
    section, last, found = "", "", {}
    for line in example.splitlines():
        if head := re.match(r"\[(\w+)\]", line):
            section, last = head[1], ""
        elif one := re.match(r"(\w+) = (?:.*?)\s#\s(.*)", line):
            last = f"{section}.{one[1]}"
            found[last] = one[2]
        elif one := re.match(r"(\w+) = ", line):
            last = f"{section}.{one[1]}"
            found[last] = ""
        elif last and (more := re.match(r"\s+#\s(.*)", line)):
            found[last] += f" {more[1]}"
        else:
            last = ""
    tomllib.loads(example)
    return found

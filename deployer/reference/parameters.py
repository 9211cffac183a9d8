"""`docs/reference/parameters.md` and `outputs.md`: what the root templates take and give, as the console shows it."""

from collections.abc import Mapping
from typing import Any, Final

from deployer.reference.markdown import code, listed, table
from deployer.sections import PARAMETER, SECTIONS, keys
from generator.stacks import template_dicts
from generator.stacks.runtime import FLATTENED_FILE, PARENT_FILE

FEW: Final = 12
"""A choice of more values than these has a table of its own."""
INTERFACE: Final = "AWS::CloudFormation::Interface"
PARAMETERS_HEAD: Final = f"""# Template parameters

What each root template asks for, in the groups and the order of the console's form. A value that does not fit is
refused by CloudFormation before anything is created. `{PARENT_FILE}` and `{FLATTENED_FILE}` take the same;
`python build.py deploy` gives them what the [configuration](configuration.md) says: its key stands below the label.

`python build.py generate` makes this page from the templates.
"""
OUTPUTS_HEAD: Final = f"""# Template outputs

What each root template tells of what it made. `{PARENT_FILE}` and `{FLATTENED_FILE}` give the same, and every output is
there whatever the parameters: one that does not apply is empty.

`python build.py generate` makes this page from the templates.
"""


def parameters_page() -> str:
    """Returns the page of the parameters."""
    roots = _roots()
    keyed = _configured()
    long: dict[tuple[str, ...], list[str]] = {}
    parts = [PARAMETERS_HEAD]
    for file, template in roots.items():
        parts.append(f"## {file}\n\n{template['Description']}\n")
        labels = template["Metadata"][INTERFACE]["ParameterLabels"]
        for group in template["Metadata"][INTERFACE]["ParameterGroups"]:
            rows = []
            for name in group["Parameters"]:
                parameter = template["Parameters"][name]
                values = tuple(parameter.get("AllowedValues", ()))
                if len(values) > FEW:
                    long.setdefault(values, []).append(name)
                own = [labels[name]["default"], *([code(keyed[name])] if file == PARENT_FILE and name in keyed else [])]
                default = code(str(parameter["Default"])) if "Default" in parameter else "must be given"
                rows.append(["<br>".join([code(name), *own]), parameter["Description"], _allowed(parameter), default])
            head = ["parameter", "means", "allowed", "default"]
            parts.append(f"### {group['Label']['default']}\n\n{table(head, rows)}\n")
    parts.append("## All values of long choices\n")
    parts.append(
        table(["parameter", "values"], ([listed(dict.fromkeys(n)), listed(v)] for v, n in long.items())) + "\n"
    )
    return "\n".join(parts).replace("&lt;br>", "<br>")


def outputs_page() -> str:
    """Returns the page of the outputs."""
    parts = [OUTPUTS_HEAD]
    for file, template in _roots().items():
        if outputs := template.get("Outputs", {}):
            rows = [[code(name), output.get("Description", "")] for name, output in outputs.items()]
            parts.append(f"## {file}\n\n{table(['output', 'is'], rows)}\n")
    return "\n".join(parts)


def _roots() -> dict[str, dict[str, Any]]:
    """Returns the templates that somebody launches, by file; the flattened runtime is the nested one's twin."""
    return {
        file: template
        for file, template in template_dicts().items()
        if INTERFACE in template.get("Metadata", {}) and file != FLATTENED_FILE
    }


def _configured() -> dict[str, str]:
    return {
        setting.metadata[PARAMETER].name: f"{section}.{key}"
        for section, kind in SECTIONS.items()
        for key, setting in keys(kind).items()
        if PARAMETER in setting.metadata
    }


def _allowed(parameter: Mapping[str, Any]) -> str:
    values = [str(value) for value in parameter.get("AllowedValues", ())]
    if len(values) > FEW:
        return "[one of these](#all-values-of-long-choices)"
    if values:
        return listed(value or "(empty)" for value in values)
    if "MinValue" in parameter:
        return f"{parameter['MinValue']} to {parameter['MaxValue']}"
    return str(parameter.get("ConstraintDescription", "any text")).removeprefix("must be ")

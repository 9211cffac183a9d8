"""Templates as text: long-form YAML in a stable order."""

from typing import Any

import yaml

SECTIONS = (
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Rules",
    "Conditions",
    "Resources",
    "Outputs",
)
RESOURCE_KEYS = (
    "Type",
    "Condition",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "CreationPolicy",
    "UpdatePolicy",
    "Metadata",
    "Properties",
)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # chosen at run time
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    """Returns text of several lines as a block, which people can read."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def ordered(template: dict[str, Any]) -> dict[str, Any]:
    """Returns the template with its sections, and each resource's keys, in the order in which people read them."""
    arranged = {section: template[section] for section in SECTIONS if section in template}
    arranged["Resources"] = {
        title: {key: resource[key] for key in RESOURCE_KEYS if key in resource}
        for title, resource in template["Resources"].items()
    }
    return arranged


def to_yaml(template: dict[str, Any]) -> str:
    """Returns the template as YAML text without anchors, at most 120 columns where the values allow it."""
    return str(yaml.dump(template, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))

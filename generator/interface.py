"""How the console shows a root template's parameters: groups and labels."""

from collections.abc import Sequence
from typing import Any

from generator.parameters import RootParameter


def interface(groups: Sequence[str], parameters: Sequence[RootParameter]) -> dict[str, Any]:
    """Returns the template metadata that groups and labels `parameters`, in the order of `groups`."""
    return {
        "AWS::CloudFormation::Interface": {
            "ParameterGroups": [
                {
                    "Label": {"default": group},
                    "Parameters": [parameter.name for parameter in parameters if parameter.group == group],
                }
                for group in groups
                if any(parameter.group == group for parameter in parameters)
            ],
            "ParameterLabels": {parameter.name: {"default": parameter.label} for parameter in parameters},
        }
    }

"""The values of a stack set's parameters and of its instances' overrides, as requests give them."""

from collections.abc import Mapping, Sequence
from typing import Any

from emulator import bridge_stacks
from emulator.bridge_data_plane import Record
from emulator.json_api import ApiError

Given = Sequence[Mapping[str, Any]]


def values(given: Given | None, before: Mapping[str, str]) -> dict[str, str]:
    """Return values by parameter; ``before`` are those that UsePreviousValue keeps. Raises ApiError without one."""
    found = {}
    for item in given or ():
        key = str(item["ParameterKey"])
        if item.get("UsePreviousValue"):
            if key not in before:
                text = f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true"
                raise ApiError("ValidationError", text)
            found[key] = before[key]
        else:
            found[key] = str(item.get("ParameterValue", ""))
    return found


def listed(found: Mapping[str, str]) -> list[dict[str, str]]:
    """Return values as answers list them."""
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in found.items()]


def overrides(record: Record, given: Given | None, keys: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the overrides that instances get, by their keys: none where the request leaves them as they are
    (``CreateStackInstances``, ParameterOverrides). Raises Refused for a parameter that the set's template lacks.
    """
    if given is None:
        return {}
    instances = record["Instances"]
    found = {key: values(given, instances.get(key, {}).get("Overrides", {})) for key in keys}
    for different in {tuple(sorted(item.items())) for item in found.values()}:
        merged = {**record["ParameterValues"], **dict(different)}
        bridge_stacks.check_template(record["TemplateBody"], merged, record["Capabilities"])
    return found

"""The bridge's half for change sets with nested stacks, which ministack makes of the root alone.

``IncludeNestedStacks`` makes one for each nested stack that changes: the root's change of that stack names it
(``ChangeSetId`` of ``ResourceChange``), it names its parent and its root, and deleting the root's deletes them all
(CloudFormation service model, ``CreateChangeSet``, ``DescribeChangeSet``, ``DeleteChangeSet``; user guide, "Change sets
for nested stacks"). Only nested stacks that stand are looked into; what an output will be is not known before an
update, so that a value which comes from one is taken to stay.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers

from emulator import bridge_stacks
from emulator.bridge_data_plane import Record

_NESTED = "AWS::CloudFormation::Stack"
_NAMES: Mapping[Any, tuple[str, ...]] = {
    cloudformation: ("_change_sets",),
    changesets: ("_evaluate_conditions", "_resolve_props_for_diff"),
    handlers: ("_ACTION_HANDLERS",),
}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")

_MADE = re.compile(rb"<Id>([^<]+)</Id>")
Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Make change sets look into nested stacks where that is asked for."""
    make, describe, delete = (bridge_stacks.current_action(f"{verb}ChangeSet") for verb in _VERBS)

    def create_change_set(params: Mapping[str, Any]) -> Answer:
        answer = make(params)
        if answer[0] == 200 and _given(params, "IncludeNestedStacks").lower() == "true":
            found = _MADE.search(answer[2])
            assert found is not None
            _look_into(cloudformation._change_sets[found[1].decode()], make)
        return answer

    def describe_change_set(params: Mapping[str, Any]) -> Answer:
        status, headers, body = describe(params)
        record = _found(params)
        return (status, headers, _with_nested(body, record)) if status == 200 and record else (status, headers, body)

    def delete_change_set(params: Mapping[str, Any]) -> Answer:
        record = _found(params)
        answer = delete(params)
        if answer[0] == 200 and record:
            for nested in _below(record):
                cloudformation._change_sets.pop(nested, None)
        return answer

    for verb, answering in zip(_VERBS, (create_change_set, describe_change_set, delete_change_set), strict=True):
        bridge_stacks.action(f"{verb}ChangeSet", answering)


_VERBS = ("Create", "Describe", "Delete")


def _given(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) and value else value or "")


def _found(params: Mapping[str, Any]) -> Record | None:
    named = _given(params, "ChangeSetName")
    stack = bridge_stacks.stack(_given(params, "StackName")) if _given(params, "StackName") else None
    for identity, record in cloudformation._change_sets.items():
        if identity == named or (stack and record["ChangeSetName"] == named and record["StackId"] == stack["StackId"]):
            return dict(record)
    return None


def _look_into(record: Record, make: Any) -> None:
    """Make the change sets of the nested stacks that stand, and tell of them in the root's or the parent's."""
    parent = bridge_stacks.stack(record["StackId"])
    assert parent is not None
    template, values = record["_template"], record["_resolved_params"]
    conditions = changesets._evaluate_conditions(template, values)
    resolved = changesets._resolve_props_for_diff(template, values, parent["StackName"], parent["StackId"])["Resources"]
    for name, resource in template.get("Resources", {}).items():
        child = bridge_stacks.stack(str((parent["_resources"].get(name) or {}).get("PhysicalResourceId", "")))
        if resource["Type"] != _NESTED or child is None or not conditions.get(resource.get("Condition"), True):
            continue
        request = _request(record, name, child, resolved[name]["Properties"])
        made = _MADE.search(make(request)[2])
        if made is None:
            continue
        nested = cloudformation._change_sets[made[1].decode()]
        nested |= {"_parent": record["ChangeSetId"], "_root": record.get("_root") or record["ChangeSetId"]}
        _look_into(nested, make)
        listed = [one for one in record["Changes"] if one["ResourceChange"]["LogicalResourceId"] == name]
        if nested["Changes"]:
            _tell(record, name, child, nested["ChangeSetId"], listed)
        else:
            cloudformation._change_sets.pop(nested["ChangeSetId"])
            record["Changes"] = [one for one in record["Changes"] if one not in listed]
    if record["Changes"]:
        record |= {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE", "StatusReason": ""}
    else:
        reason = (
            "The submitted information didn't contain changes. Submit different information to create a change set."
        )
        record |= {"Status": "FAILED", "ExecutionStatus": "UNAVAILABLE", "StatusReason": reason}


def _tell(record: Record, name: str, child: Record, nested: str, listed: list[Record]) -> None:
    if not listed:
        change = {
            "Action": "Modify",
            "LogicalResourceId": name,
            "PhysicalResourceId": child["StackId"],
            "ResourceType": _NESTED,
            "Replacement": "False",
            "Scope": ["Properties"],
            "Details": [
                {
                    "Target": {"Attribute": "Properties", "Name": "Parameters"},
                    "Evaluation": "Dynamic",
                    "ChangeSource": "Automatic",
                }
            ],
        }
        listed = [{"Type": "Resource", "ResourceChange": change}]
        record["Changes"] = [*record["Changes"], *listed]
    for one in listed:
        one["ResourceChange"]["ChangeSetId"] = nested


def _request(record: Record, name: str, child: Record, props: Mapping[str, Any]) -> dict[str, list[str]]:
    resources = record["_template"]["Resources"]
    written = resources[name]["Properties"].get("Parameters") or {}
    standing = {key: str(value["Value"]) for key, value in child["_resolved_params"].items()}
    given = {
        key: standing[key] if key in standing and _refers(written.get(key), resources) else value
        for key, value in (props.get("Parameters") or {}).items()
    }
    parameters = [{"ParameterKey": key, "ParameterValue": str(value)} for key, value in given.items()]
    return {
        "StackName": [child["StackName"]],
        "ChangeSetName": [f"{record['ChangeSetName'][:60]}-{name[:40]}-{uuid4().hex[:12].upper()}"],
        "ChangeSetType": ["UPDATE"],
        "TemplateURL": [str(props["TemplateURL"])],
        **bridge_stacks.flat("Parameters", parameters),
        **bridge_stacks.flat("Capabilities", record["Capabilities"]),
    }


def _refers(expression: Any, resources: Mapping[str, Any]) -> bool:
    """Whether an expression names a resource, whose attributes are known only once it stands."""
    if isinstance(expression, Mapping):
        named = str(expression.get("Ref", "")) in resources or "Fn::GetAtt" in expression
        texts = " ".join(re.findall(r"\$\{([^}.]+)", str(expression.get("Fn::Sub", "")))).split()
        return (
            named or any(one in resources for one in texts) or any(_refers(v, resources) for v in expression.values())
        )
    return isinstance(expression, list) and any(_refers(item, resources) for item in expression)


def _with_nested(body: bytes, record: Record) -> bytes:
    text = body.decode()
    for change in (one["ResourceChange"] for one in record["Changes"]):
        if "ChangeSetId" in change:
            title = f"<LogicalResourceId>{change['LogicalResourceId']}</LogicalResourceId>"
            text = text.replace(title, f"{title}<ChangeSetId>{change['ChangeSetId']}</ChangeSetId>", 1)
    ids = {"ParentChangeSetId": record.get("_parent"), "RootChangeSetId": record.get("_root")}
    told = "".join(f"<{key}>{value}</{key}>" for key, value in ids.items() if value)
    return text.replace("<DescribeChangeSetResult>", f"<DescribeChangeSetResult>{told}", 1).encode()


def _below(record: Record) -> Iterator[str]:
    for identity, one in list(cloudformation._change_sets.items()):
        if one.get("_root") == record["ChangeSetId"]:
            yield identity

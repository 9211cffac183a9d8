"""A product under a stack set constraint: its launch is a stack set over the accounts and Regions of the constraint.

Facts: Service Catalog administrator guide, "Stack set constraints"; API reference, ``CreateConstraint``, type STACKSET:
``Properties`` with AccountList, RegionList, AdminRole and ExecutionRole.
"""

import time
from collections.abc import Mapping
from typing import Any

from emulator import bridge, bridge_stacks
from emulator.bridge_data_plane import Record, Refused, current_scope

_POLL_SECONDS = 0.1
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


def deploy(launched: Record, body: str, constraint: Mapping[str, Any]) -> None:
    """Make the set and its instances, or update them all. Raises Refused where the set or an instance fails."""
    properties = constraint["Properties"]
    client, name = bridge.client("cloudformation"), f"SC-{current_scope()[0]}-{launched['Id']}"
    roles = {
        "AdministrationRoleARN": properties["AdminRole"],
        "ExecutionRoleName": properties["ExecutionRole"],
    }
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in launched["Values"].items()]
    with bridge_stacks.inline(body) as url:
        request = {
            "StackSetName": name,
            "TemplateURL": url,
            "Parameters": parameters,
            "Capabilities": _CAPABILITIES,
            "Tags": launched["Tags"],
            **roles,
        }
        try:
            if launched["PhysicalId"]:
                operation = client.update_stack_set(**request)["OperationId"]
            else:
                launched["PhysicalId"] = client.create_stack_set(**request)["StackSetId"]
                accounts, regions = properties["AccountList"], properties["RegionList"]
                made = client.create_stack_instances(StackSetName=name, Accounts=accounts, Regions=regions)
                operation = made["OperationId"]
        except client.exceptions.ClientError as error:
            raise Refused(error.response["Error"]["Code"], error.response["Error"]["Message"]) from error
        _wait(client, name, operation)
    launched["Outputs"] = [
        {"OutputKey": "CloudformationStackSetARN", "OutputValue": launched["PhysicalId"], "Description": "The set."}
    ]


def remove(launched: Record) -> None:
    """Remove the set with all its stacks. Raises Refused where one of them stays."""
    if not launched["PhysicalId"]:
        return
    client, name = bridge.client("cloudformation"), f"SC-{current_scope()[0]}-{launched['Id']}"
    there = client.list_stack_instances(StackSetName=name)["Summaries"]
    if there:
        accounts, regions = ({one[key] for one in there} for key in ("Account", "Region"))
        gone = client.delete_stack_instances(
            StackSetName=name, Accounts=sorted(accounts), Regions=sorted(regions), RetainStacks=False
        )
        _wait(client, name, gone["OperationId"])
    client.delete_stack_set(StackSetName=name)


def _wait(client: Any, name: str, operation: str) -> None:
    while True:
        found = client.describe_stack_set_operation(StackSetName=name, OperationId=operation)["StackSetOperation"]
        if found["Status"] not in ("RUNNING", "QUEUED", "STOPPING"):
            break
        time.sleep(_POLL_SECONDS)
    if found["Status"] != "SUCCEEDED":
        results = client.list_stack_set_operation_results(StackSetName=name, OperationId=operation)["Summaries"]
        why = next((one["StatusReason"] for one in results if one["Status"] == "FAILED"), found["Status"])
        raise Refused("StackSetOperationFailed", why)

"""Launching products: a stack, or a stack set, made as the constraints of the product say.

Facts: Service Catalog administrator guide, "Launch constraints" (the service takes the launch role of the account of
whoever launches; the stack is named SC-account-id), "Template constraint rules" (they are added to those of the
template), "TagOption library" and "Stack set constraints"; API reference, ``ProvisionProduct``,
``UpdateProvisioningArtifact`` (nothing new launches of a deprecated version), ``UpdateProvisionedProduct`` and
``TerminateProvisionedProduct``.

The launch role is held to what a launch needs of it before CloudFormation begins: its trust, the calls on stacks, the
service's own copy of the root template and, where they lie in a bucket, the templates nested in it.
"""

import contextvars
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from emulator import bridge, bridge_stacks, catalog_stack_sets
from emulator import catalog_store as store
from emulator.bridge_data_plane import Record, Refused, current_scope, role_allows, role_trusts
from emulator.catalog_caller import Path, caller, path
from emulator.json_api import ApiError

Given = Mapping[str, Any]
SERVICE = "servicecatalog.amazonaws.com"
_COPY = "arn:aws:s3:::cf-templates-of-the-service/provisioning"
_TAGGED = {"s3:existingobjecttag/servicecatalog:provisioning": "true"}
_CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
_BUCKET_URL = re.compile(r"https://(?P<bucket>[a-z0-9.-]+)\.s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com/(?P<key>.+)")


class LaunchFailed(Exception):
    """A launch failed; the message is the record's error."""


def provision(given: Given) -> Record:
    """Launch a version of a product; the record tells what becomes of it."""
    name = given["ProvisionedProductName"]
    again = next((one for one in store.records.values() if one["Token"] == given["ProvisionToken"]), None)
    if again is not None:
        return {"RecordDetail": _detail(again)}
    if any(one["Name"] == name for one in store.launched.values()):
        raise ApiError("DuplicateResourceException", f"A provisioned product named {name} exists already.")
    way, product = _way(given["ProductId"], given.get("PathId", ""))
    version = _launchable(product, given["ProvisioningArtifactId"])
    tags = _tags(way, product, given.get("Tags") or ())
    account, region = current_scope()
    identity = store.identity("pp")
    sets = way.constraints(product["ProductId"], "STACKSET")
    launched: Record = {
        "Id": identity,
        "Name": name,
        "Arn": f"arn:aws:servicecatalog:{region}:{account}:stack/{name}/{identity}",
        "Type": "CFN_STACKSET" if sets else "CFN_STACK",
        "Status": "UNDER_CHANGE",
        "CreatedTime": store.now(),
        "ProductId": product["ProductId"],
        "ProvisioningArtifactId": version["Id"],
        "UserArn": caller(),
        "PathId": way.identity,
        "Values": {one["Key"]: one.get("Value", "") for one in given.get("ProvisioningParameters") or ()},
        "Tags": tags,
        "PhysicalId": "",
        "Outputs": [],
    }
    store.launched.put(identity, launched)
    work = _work(way, product, version, launched)
    return {"RecordDetail": _detail(_begin(launched, "PROVISION_PRODUCT", given["ProvisionToken"], work))}


def update(given: Given) -> Record:
    """Update what was launched: to another version, with other values, or both."""
    launched = _launched(given)
    way, product = _way(launched["ProductId"], given.get("PathId", ""))
    version = _usable(product, given.get("ProvisioningArtifactId") or launched["ProvisioningArtifactId"])
    before: dict[str, str] = dict(launched["Values"])
    values: dict[str, str] = {}
    for one in given.get("ProvisioningParameters") or ():
        if one.get("UsePreviousValue"):
            values |= {one["Key"]: before[one["Key"]]} if one["Key"] in before else {}
        else:
            values[one["Key"]] = one.get("Value", "")
    launched["Values"] = before | values if given.get("ProvisioningParameters") else before
    work = _work(way, product, version, launched)

    def changed() -> None:
        work()
        launched["ProvisioningArtifactId"] = version["Id"]

    return {"RecordDetail": _detail(_begin(launched, "UPDATE_PROVISIONED_PRODUCT", given["UpdateToken"], changed))}


def terminate(given: Given) -> Record:
    """Remove what was launched."""
    launched = _launched(given)
    ways = [one for one in store.visible_portfolios() if launched["ProductId"] in one[2]["Products"]]
    way = Path(*ways[0]) if ways else None
    role = _role(way, launched["ProductId"]) if way else ""

    def removed() -> None:
        if launched["Type"] == "CFN_STACKSET":
            catalog_stack_sets.remove(launched)
        else:
            _held(role, "cloudformation:DeleteStack", _stacks())
            gone = bridge_stacks.delete_stack(launched["PhysicalId"]) if launched["PhysicalId"] else None
            if gone is not None and gone["StackStatus"] != "DELETE_COMPLETE":
                raise LaunchFailed(str(gone.get("StackStatusReason") or gone["StackStatus"]))
        store.launched.pop(launched["Id"])

    return {
        "RecordDetail": _detail(_begin(launched, "TERMINATE_PROVISIONED_PRODUCT", given["TerminateToken"], removed))
    }


def describe_record(given: Given) -> Record:
    """Return what became of a request, with what the stack puts out."""
    found = store.records.get(given["Id"])
    if found is None:
        raise store.absent("Record", given["Id"])
    return {"RecordDetail": _detail(found), "RecordOutputs": found["Outputs"]}


def describe(given: Given) -> Record:
    """Return what was launched, by id or name."""
    found = _launched({"ProvisionedProductId": given.get("Id"), "ProvisionedProductName": given.get("Name")})
    return {"ProvisionedProductDetail": _shown(found)}


def search(given: Given) -> Record:
    """Return what the current account has launched; for a filter ``User`` what the caller has."""
    level = (given.get("AccessLevelFilter") or {}).get("Key", "User")
    found = [one for one in store.launched.values() if level == "Account" or one["UserArn"] == caller()]
    wanted = [part.partition(":") for part in (given.get("Filters") or {}).get("SearchQuery", ())]
    for key, _, value in wanted:
        found = [one for one in found if str(one.get(f"{key[:1].upper()}{key[1:]}", "")) == value]
    return {"ProvisionedProducts": [_shown(one) for one in found], "TotalResultsCount": len(found)}


def outputs(given: Given) -> Record:
    """Return what the stack of a launch puts out."""
    return {"Outputs": _launched(given)["Outputs"]}


def interrupt_running() -> None:
    """Fail the requests that an earlier process left unfinished."""
    for (account, region, _), record in store.records.every():
        if record["Status"] != "IN_PROGRESS":
            continue
        with bridge.scope(account, region):
            launched = store.launched.get(record["ProvisionedProductId"])
        if launched is not None:
            launched["Status"] = "TAINTED"
        errors = [{"Code": "Interrupted", "Description": "The emulator was stopped."}]
        record |= {"Status": "FAILED", "RecordErrors": errors}


def _shown(launched: Record) -> Record:
    hidden = ("Values", "Outputs", "Tags", "PathId")
    return {key: value for key, value in launched.items() if key not in hidden}


def _launched(given: Given) -> Record:
    name, label = given.get("ProvisionedProductId"), given.get("ProvisionedProductName")
    for one in store.launched.values():
        if name == one["Id"] or (name is None and label == one["Name"]):
            return one
    raise store.absent("Provisioned product", str(name or label))


def _way(product: str, wished: str) -> tuple[Path, Record]:
    way = path(product, wished)
    placed = store.placed(store.products, product)
    assert placed is not None
    return way, placed[1]


def _usable(product: Record, name: str) -> Record:
    found = store.version(product, name)
    if not found["Active"]:
        raise store.absent("ProvisioningArtifact", name)
    return found


def _launchable(product: Record, name: str) -> Record:
    found = _usable(product, name)
    if found["Guidance"] == "DEPRECATED":
        raise ApiError("InvalidParametersException", f"ProvisioningArtifact {name} is deprecated.")
    return found


def _tags(way: Path, product: Record, given: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The tags of a launch: those given, and the tag options', of which each key needs one of its values."""
    with bridge.scope(way.account, current_scope()[1]):
        borne = [store.tag_options.get(one) for one in {*way.portfolio["TagOptions"], *product["TagOptions"]}]
    choices: dict[str, list[str]] = {}
    for option in borne:
        if option and option["Active"]:
            choices.setdefault(option["Key"], []).append(option["Value"])
    chosen = {one["Key"]: one["Value"] for one in given}
    for key, values in choices.items():
        if len(values) == 1:
            chosen.setdefault(key, values[0])
        if chosen.get(key) not in values:
            raise ApiError("InvalidParametersException", f"Tag {key} must be one of {', '.join(sorted(values))}.")
    return [{"Key": key, "Value": value} for key, value in chosen.items()]


def _begin(launched: Record, kind: str, token: str, work: Callable[[], None]) -> Record:
    if launched["Status"] == "UNDER_CHANGE" and kind != "PROVISION_PRODUCT":
        raise ApiError("InvalidParametersException", f"{launched['Id']} is under change.")
    launched["Status"] = "UNDER_CHANGE"
    record: Record = {
        "RecordId": store.identity("rec"),
        "ProvisionedProductName": launched["Name"],
        "ProvisionedProductId": launched["Id"],
        "ProvisionedProductType": launched["Type"],
        "RecordType": kind,
        "Status": "IN_PROGRESS",
        "ProductId": launched["ProductId"],
        "ProvisioningArtifactId": launched["ProvisioningArtifactId"],
        "PathId": launched["PathId"],
        "CreatedTime": store.now(),
        "UpdatedTime": store.now(),
        "RecordErrors": [],
        "RecordTags": [],
        "Outputs": [],
        "Token": token,
    }
    launched["LastRecordId"] = record["RecordId"]
    store.records.put(record["RecordId"], record)

    def run() -> None:
        try:
            work()
        except (LaunchFailed, Refused) as failed:
            errors = [{"Code": "CloudFormation", "Description": str(failed)}]
            status = "ERROR" if kind == "PROVISION_PRODUCT" else "TAINTED"
            launched.update({"Status": status, "StatusMessage": str(failed)})
            record.update({"Status": "FAILED", "RecordErrors": errors, "UpdatedTime": store.now()})
        except BaseException:
            record.update({"Status": "FAILED", "RecordErrors": [{"Code": "Emulator", "Description": "It failed."}]})
            raise
        else:
            launched.update({"Status": "AVAILABLE", "LastProvisioningRecordId": record["RecordId"]})
            record.update({"Outputs": launched["Outputs"], "UpdatedTime": store.now(), "Status": "SUCCEEDED"})

    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
    return record


def _detail(record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in ("Outputs", "Token")}


# --- What a launch makes ---


def _work(way: Path, product: Record, version: Record, launched: Record) -> Callable[[], None]:
    body = _ruled(version["Body"], [one["Parameters"] for one in way.constraints(product["ProductId"], "TEMPLATE")])
    sets = way.constraints(product["ProductId"], "STACKSET")
    if sets:
        return lambda: catalog_stack_sets.deploy(launched, body, sets[0]["Parameters"])
    role = _role(way, product["ProductId"])
    return lambda: _deploy(launched, body, role)


def _ruled(body: str, constraints: Sequence[Record]) -> str:
    """The template with the rules of its constraints; where there are none, as it is."""
    added = {f"{name}{number}": rule for number, one in enumerate(constraints) for name, rule in one["Rules"].items()}
    if not added:
        return body
    document = bridge_stacks.parsed(body)
    document["Rules"] = {**(document.get("Rules") or {}), **added}
    return json.dumps(document)


def _role(way: Path, product: str) -> str:
    found = way.constraints(product, "LAUNCH")
    if not found:
        return ""
    parameters = found[0]["Parameters"]
    named = parameters.get("LocalRoleName")
    return f"arn:aws:iam::{current_scope()[0]}:role/{named}" if named else str(parameters["RoleArn"])


def _stacks() -> str:
    account, region = current_scope()
    return f"arn:aws:cloudformation:{region}:{account}:stack/SC-{account}-*/*"


def _held(role: str, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
    if role and not role_allows(role, action, resource, context):
        text = f"User: {role} is not authorized to perform: {action} on resource: {resource}"
        raise LaunchFailed(text)


def _deploy(launched: Record, body: str, role: str) -> None:
    account, _ = current_scope()
    if role and not role_trusts(role, SERVICE, {}):
        raise LaunchFailed(f"Access denied while assuming the role {role}")
    _held(role, "s3:GetObject", _COPY, _TAGGED)
    _held(role, "cloudformation:CreateStack", _stacks())
    _held(role, "cloudformation:UpdateStack", _stacks())
    for child in _children(body):
        found = _BUCKET_URL.fullmatch(child)
        if found:
            _held(role, "s3:GetObject", f"arn:aws:s3:::{found['bucket']}/{found['key']}")
    known = bridge_stacks.stack(launched["PhysicalId"]) if launched["PhysicalId"] else None

    def begun(stack: Record) -> None:
        launched["PhysicalId"] = stack["StackId"]

    with bridge_stacks.inline(body) as url:
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in launched["Values"].items()]
        request = {
            "StackName": [f"SC-{account}-{launched['Id']}"],
            "TemplateURL": [url],
            **bridge_stacks.flat("Parameters", parameters),
            **bridge_stacks.flat("Capabilities", _CAPABILITIES),
            **bridge_stacks.flat("Tags", launched["Tags"]),
        }
        try:
            run = bridge_stacks.update_stack if known else bridge_stacks.create_stack
            stack = run(request, begun)
        except Refused as refused:
            if not str(refused).startswith("No updates are to be performed"):
                raise
            stack = known or {}
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise LaunchFailed(str(stack.get("StackStatusReason") or stack["StackStatus"]))
    launched["Outputs"] = list(_outputs(stack))


def _children(body: str) -> Iterator[str]:
    for resource in (bridge_stacks.parsed(body).get("Resources") or {}).values():
        if resource.get("Type") == "AWS::CloudFormation::Stack":
            yield str(resource.get("Properties", {}).get("TemplateURL", ""))


def _outputs(stack: Record) -> Iterator[Record]:
    yield {"OutputKey": "CloudformationStackARN", "OutputValue": stack["StackId"], "Description": "The stack."}
    client = bridge.client("cloudformation")
    (described,) = client.describe_stacks(StackName=stack["StackId"])["Stacks"]
    for one in described.get("Outputs", ()):
        yield {key: one[key] for key in ("OutputKey", "OutputValue", "Description") if key in one}

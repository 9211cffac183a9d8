"""The bridge's half for CloudFormation: running stacks' operations to their end, and ministack's engine corrected.

Corrected: conditions may compare any value; references in Metadata and in the chosen branch of Fn::If only make
dependencies; TemplateURL may name its bucket in the host name, and must be of S3.
"""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4
from xml.etree import ElementTree

from ministack.services import cloudformation, s3
from ministack.services.cloudformation import changesets, engine, handlers, helpers, stacks

from emulator import bridge_cleanup
from emulator.bridge_data_plane import Record, Refused, current_scope, denied_principal, scope

_NAMES: Mapping[Any, Sequence[str]] = {
    cloudformation: ("_stack_events", "_stacks"),
    changesets: ("_evaluate_conditions",),
    engine: (
        "_evaluate_conditions",
        "_resolve_refs",
        "_parse_template",
        "_resolve_parameters",
        "_rule_param_value",
        "_topological_sort",
    ),
    handlers: (
        "_ACTION_HANDLERS",
        "_check_capabilities",
        "_create_stack",
        "_delete_stack",
        "_resolve_stack",
        "_update_stack",
    ),
    helpers: ("_error", "_resolve_document", "_resolve_template", "_xml"),
    s3: ("_bucket_policies", "_buckets"),
    stacks: ("_add_event", "_evaluate_conditions", "_roll_back_operation", "_topological_sort"),
}
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")

Parameters = Mapping[str, str]
_inline: dict[str, str] = {}
_BUCKET_HOST = re.compile(r"(?P<bucket>[a-z0-9.-]+)\.s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com")
_STACK_ID = re.compile(r"<StackId>([^<]+)</StackId>")
_PATH_HOST = re.compile(r"s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com|127\.0\.0\.1|localhost")


def install() -> None:
    """Correct ministack's engine."""
    inner_sort = engine._topological_sort

    def topological_sort(resources: Mapping[str, Record], conditions: Mapping[str, bool]) -> list[str]:
        prepared = {name: _dependencies_only(definition, conditions) for name, definition in resources.items()}
        ordered: list[str] = inner_sort(prepared, conditions)
        return ordered

    engine._topological_sort = topological_sort
    stacks._topological_sort = topological_sort
    _correct_conditions()
    _correct_rollback()
    bridge_cleanup.install(stack)
    inner_value = engine._rule_param_value

    def rule_param_value(name: str, definition: Record, parameters: Mapping[str, Any]) -> Any:
        # An empty list parameter is a list of one empty string, as Fn::Select on it shows; ministack agrees elsewhere.
        value = inner_value(name, definition, parameters)
        return [""] if value == [] else value

    engine._rule_param_value = rule_param_value
    inner_resolve = helpers._resolve_document

    def resolve_document(parameters: Mapping[str, Any], body_key: str, url_key: str, label: str) -> Any:
        url = helpers._p(parameters, url_key)
        if not url or helpers._p(parameters, body_key):
            return inner_resolve(parameters, body_key, url_key, label)
        if url in _inline:
            return _inline[url], None
        place = _object(url)
        if place is None:
            return None, helpers._error("ValidationError", f"{url_key} must be a supported URL.")
        bucket, key = place
        account, region = current_scope()
        owner = _bucket_owner(bucket)
        if owner != account and not _may_read(owner, bucket, key):
            return None, helpers._error("ValidationError", "S3 error: Access Denied")
        with scope(owner, region):
            return inner_resolve({url_key: [f"https://s3.amazonaws.com/{bucket}/{key}"]}, body_key, url_key, label)

    helpers._resolve_document = resolve_document
    inner_describe = handlers._ACTION_HANDLERS["DescribeStacks"]

    def describe_stacks(parameters: Mapping[str, Any]) -> Any:
        status, headers, body = inner_describe(parameters)
        return status, headers, _STACK_ID.sub(_with_details, body.decode()).encode()

    handlers._ACTION_HANDLERS["DescribeStacks"] = describe_stacks


def _with_details(match: re.Match[str]) -> str:
    record = stack(match[1]) or {}
    names = ("ParentId", "RootId", "TimeoutInMinutes")
    return match[0] + "".join(f"<{name}>{record[name]}</{name}>" for name in names if record.get(name))


def _correct_conditions() -> None:
    inner = engine._evaluate_conditions

    def evaluate_conditions(template: Record, parameters: Mapping[str, Any]) -> dict[str, bool]:
        definitions = template.get("Conditions") or {}
        mappings = template.get("Mappings") or {}
        resolved = {name: _condition_values(item, parameters, mappings) for name, item in definitions.items()}
        evaluated: dict[str, bool] = inner({**template, "Conditions": resolved}, parameters)
        return evaluated

    for module in (engine, stacks, handlers, changesets):
        module._evaluate_conditions = evaluate_conditions


def _correct_rollback() -> None:
    """Let a rolled back update restore the conditions too: the order of a later delete depends on them."""
    inner = stacks._roll_back_operation

    async def roll_back(name: str, stack_id: str, record: Record, operation: Record, *reason: str) -> None:
        await inner(name, stack_id, record, operation, *reason)
        before = operation.get("previous_stack")
        if operation.get("is_update") and before:
            record["_conditions"] = before.get("_conditions", record.get("_conditions"))

    stacks._roll_back_operation = roll_back


_VALUES = ("Fn::FindInMap", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::Sub", "Ref")


def _condition_values(expression: Any, parameters: Mapping[str, Any], mappings: Mapping[str, Any]) -> Any:
    """A condition with its values resolved; ministack itself resolves parameters and Fn::Select only."""
    if isinstance(expression, list):
        return [_condition_values(item, parameters, mappings) for item in expression]
    if not isinstance(expression, dict):
        return expression
    if len(expression) == 1 and next(iter(expression)) in _VALUES:
        return engine._resolve_refs(deepcopy(expression), {}, parameters, {}, mappings, "", "")
    return {key: _condition_values(item, parameters, mappings) for key, item in expression.items()}


def _dependencies_only(definition: Record, conditions: Mapping[str, bool]) -> Record:
    wanted = {key: definition.get(key) for key in ("Properties", "Metadata")}
    kept: Record = {key: definition[key] for key in ("Condition", "DependsOn", "Type") if key in definition}
    return {**kept, "Properties": _chosen(deepcopy(wanted), conditions)}


def _chosen(value: Any, conditions: Mapping[str, bool]) -> Any:
    """The value with the branches of Fn::If that conditions choose."""
    if isinstance(value, list):
        return [_chosen(item, conditions) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Fn::If"} and isinstance(value["Fn::If"], list) and len(value["Fn::If"]) == 3:
        name, yes, no = value["Fn::If"]
        return _chosen(yes if isinstance(name, str) and conditions.get(name) else no, conditions)
    return {key: _chosen(item, conditions) for key, item in value.items()}


def _object(url: str) -> tuple[str, str] | None:
    """The bucket and key that an S3 URL names, in path style or with the bucket in the host name."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path.lstrip("/"))
    if parts.scheme not in ("http", "https"):
        return None
    if _PATH_HOST.fullmatch(host):
        bucket, _, key = path.partition("/")
        return (bucket, key) if bucket and key else None
    match = _BUCKET_HOST.fullmatch(host)
    return (match["bucket"], path) if match and path else None


def _bucket_owner(bucket: str) -> str:
    """The account of a bucket: bucket names are unique over all accounts."""
    mine = current_scope()[0]
    owners = [account for account, name in list(s3._buckets._data) if name == bucket]
    return mine if mine in owners or not owners else str(owners[0])


def _may_read(owner: str, bucket: str, key: str) -> bool:
    """Whether the bucket's policy lets the current account read an object of another account."""
    account, region = current_scope()
    with scope(owner, region):
        policy = s3._bucket_policies.get(bucket)
    text = policy if isinstance(policy, str) else json.dumps(policy) if policy else None
    return not denied_principal(account, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", owner, text)


# --- Operations of stacks ---


@contextmanager
def inline(body: str) -> Iterator[str]:
    """Give a template a URL within this process for a while: one that came from S3 may be larger than a request."""
    url = f"inline:{uuid4()}"
    _inline[url] = body
    try:
        yield url
    finally:
        del _inline[url]


def template(request: Mapping[str, Any]) -> tuple[str, Record]:
    """Return a request's template, given by TemplateBody or TemplateURL, as text and parsed. Raises Refused."""
    members = {key: [value] for key, value in request.items() if key in ("TemplateBody", "TemplateURL")}
    body, error_answer = helpers._resolve_template(members)
    if error_answer:
        raise _refusal(error_answer[2])
    if not body:
        raise Refused("ValidationError", "Either Template URL or Template Body must be specified.")
    return str(body), parsed(str(body))


def parsed(body: str) -> Record:
    """Return a template's text as plain data. Raises Refused for a text that is no template."""
    try:
        document: Record = engine._parse_template(body)
    except Exception as failure:
        # ministack raises whatever its parsers do; all of it is a template that cannot be read.
        raise Refused("ValidationError", f"Template format error: {failure}") from failure
    return document


def check_template(body: str, parameters: Parameters, capabilities: Sequence[str]) -> None:
    """Raise Refused for capabilities that a template needs and lacks, and for parameters that it does not accept."""
    document = parsed(body)
    answer = handlers._check_capabilities(document, document, flat("Capabilities", capabilities))
    if answer:
        raise _refusal(answer[2])
    unknown = sorted(parameters.keys() - document.get("Parameters", {}).keys())
    if unknown:
        raise Refused("ValidationError", f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    try:
        engine._resolve_parameters(document, [{"Key": key, "Value": value} for key, value in parameters.items()])
    except ValueError as refused:
        raise Refused("ValidationError", str(refused)) from refused


def error(code: str, message: str, status: int) -> Any:
    """Return an error of the query protocol."""
    return helpers._error(code, message, status)


def xml(root: str, inner: str) -> Any:
    """Return an answer of the query protocol."""
    return helpers._xml(200, root, inner)


def flat(name: str, values: Sequence[Mapping[str, str] | str]) -> dict[str, list[str]]:
    """Return a list of structures or strings as the query protocol names its members."""
    members: dict[str, list[str]] = {}
    for number, value in enumerate(values, 1):
        if isinstance(value, str):
            members[f"{name}.member.{number}"] = [value]
        else:
            members |= {f"{name}.member.{number}.{key}": [item] for key, item in value.items()}
    return members


def create_stack(request: Mapping[str, list[str]], begun: Callable[[Record], None]) -> Record:
    """Create a stack and return its record when the operation is over; ``begun`` gets the record before it starts.
    Raises Refused when the request is refused. Call it on a thread without an event loop.
    """
    return _run(handlers._create_stack, request, begun)


def update_stack(request: Mapping[str, list[str]], begun: Callable[[Record], None]) -> Record:
    """Update a stack as ``create_stack`` creates one."""
    return _run(handlers._update_stack, request, begun)


def delete_stack(name: str) -> Record | None:
    """Delete a stack, by name or id; return its record when the operation is over, None when there is no such stack."""
    record = stack(name)
    return record and _run(handlers._delete_stack, {"StackName": [name]}, lambda _: None)


def stack(name: str) -> Record | None:
    """Return the record of a stack of the current scope by name or id."""
    record: Record | None = handlers._resolve_stack(name)
    return record


def events(stack_id: str) -> list[Record]:
    """Return a stack's events, oldest first."""
    return list(cloudformation._stack_events.get(stack_id) or ())


_INTERRUPTED = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
}


def interrupt_running() -> None:
    """End the operations of stacks that an earlier process left unfinished, in states that can be worked on from."""
    for (account, region, _), record in list(cloudformation._stacks.all_items()):
        ended = _INTERRUPTED.get(record.get("StackStatus", ""))
        if ended is None:
            continue
        reason = "The emulator was stopped."
        record |= {"StackStatus": ended, "StackStatusReason": reason}
        with scope(account, region):
            add_event(record, record["StackName"], "AWS::CloudFormation::Stack", ended, reason, record["StackId"])


def add_event(record: Record, logical_id: str, kind: str, status: str, reason: str, physical_id: str) -> None:
    """Add an event to a stack."""
    stacks._add_event(record["StackId"], record["StackName"], logical_id, kind, status, reason, physical_id)


def _run(operation: Callable[..., Any], request: Mapping[str, list[str]], begun: Callable[[Record], None]) -> Record:
    async def to_the_end() -> Record:
        status, _, body = operation(dict(request))
        if status != 200:
            raise _refusal(body)
        record = stack(request["StackName"][0])
        if record is None:
            raise Refused("ValidationError", f"Stack with id {request['StackName'][0]} does not exist")
        begun(record)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*tasks)
        return record

    coroutine: Coroutine[Any, Any, Record] = to_the_end()
    return asyncio.run(coroutine)


def _refusal(body: bytes) -> Refused:
    found = {element.tag.rpartition("}")[2]: element.text or "" for element in ElementTree.fromstring(body).iter()}  # noqa: S314  # written by this process
    return Refused(found.get("Code", "ValidationError"), found.get("Message", ""))


def action(name: str, answer: Callable[[Mapping[str, Any]], Any]) -> None:
    """Let ``answer`` serve an action of CloudFormation's query API."""
    handlers._ACTION_HANDLERS[name] = answer


def current_action(name: str) -> Callable[[Mapping[str, Any]], tuple[int, dict[str, str], bytes]]:
    """Return what serves an action of CloudFormation's query API now."""
    found: Callable[[Mapping[str, Any]], tuple[int, dict[str, str], bytes]] = handlers._ACTION_HANDLERS[name]
    return found

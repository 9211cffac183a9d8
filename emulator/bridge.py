"""The only module, with ``bridge_data_plane`` and ``bridge_ecs``, that touches ministack's private names.

They are checked when this is imported, and so is the version: another version may keep a name and change its meaning.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from io import BytesIO
from typing import Any

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from ministack import app
from ministack.core import persistence, responses
from ministack.services import cloudformation
from ministack.services.cloudformation import engine, handlers, helpers, provisioners, stacks

from emulator.bridge_data_plane import current_scope, scope
from emulator.handlers import Api, ResourceHandler

VERSION = "1.5.33"
_NAMES: Mapping[Any, Sequence[str]] = {
    app: ("AUTH", "SERVICE_HANDLERS", "app", "detect_service", "_build_persistence_save_dict"),
    cloudformation: ("_exports", "_stack_events", "_stacks"),
    engine: ("_evaluate_conditions", "_parse_template", "_resolve_parameters", "_topological_sort"),
    handlers: ("_ACTION_HANDLERS", "_create_stack", "_delete_stack", "_resolve_stack", "_update_stack"),
    helpers: ("_error", "_resolve_document"),
    persistence: ("save_all",),
    provisioners: ("_RESOURCE_HANDLERS",),
    responses: ("AccountRegionScopedDict", "get_account_id", "get_region", "request_scope"),
    stacks: ("_add_event", "_runs_on_worker_thread", "_topological_sort"),
}
if version("ministack") != VERSION:
    raise ImportError(f"the emulator extends ministack {VERSION}, not {version('ministack')}; install what Pipfile pins")
_missing = [
    f"{module.__name__}.{name}" for module, names in _NAMES.items() for name in names if not hasattr(module, name)
]
if _missing:
    raise ImportError(f"this ministack lacks {', '.join(_missing)}; install the version that Pipfile pins")

Asgi = Callable[..., Awaitable[None]]
__all__ = ["VERSION", "asgi", "client", "current_scope", "scope"]


def asgi() -> Asgi:
    """Return ministack as an ASGI application."""
    application: Asgi = app.app
    return application


def save() -> None:
    """Write the state of every service to the state folder."""
    persistence.save_all(app._build_persistence_save_dict())


# --- Calls to services of this process ---

_clients: dict[tuple[str, str], Any] = {}
_clients_lock = threading.Lock()


def client(service: str) -> Any:
    """Return a botocore client of a service for the current scope's Region; it calls ministack within this process and
    acts for whatever account is current when it is called. Its errors are botocore's ClientError.
    """
    _, region = current_scope()
    with _clients_lock:
        if (service, region) not in _clients:
            _clients[service, region] = _make_client(service, region)
        return _clients[service, region]


def _make_client(service: str, region: str) -> Any:
    made = botocore.session.Session().create_client(
        service,
        region_name=region,
        aws_access_key_id="0",
        aws_secret_access_key="unused: requests stay within the process",  # noqa: S106  # nothing checks it
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        status, headers, body = _serve(service, request)
        return AWSResponse(request.url, status, headers, _Raw(body))

    made.meta.events.register("before-send", send)
    return made


class _Raw(BytesIO):
    """A body as botocore reads one."""

    def stream(self) -> Any:
        """Yield the body."""
        yield self.read()


def _serve(service: str, request: AWSPreparedRequest) -> tuple[int, dict[str, str], bytes]:
    from urllib.parse import parse_qs, unquote, urlsplit

    url = urlsplit(request.url)
    headers = {
        key.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for key, value in request.headers.items()
    }
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    name = {"elbv2": "elasticloadbalancing", "cloudwatch": "monitoring"}.get(service, service)
    query = parse_qs(url.query, keep_blank_values=True)
    call = app.SERVICE_HANDLERS[name](request.method, unquote(url.path), headers, body, query)
    status, answered, content = finish(call)
    return status, answered, content if isinstance(content, bytes) else str(content).encode()


def finish(call: Any) -> Any:
    """Run a coroutine to its end from synchronous code. ministack's handlers seldom wait; one that does gets a thread."""
    try:
        waited = call.send(None)
    except StopIteration as stop:
        return stop.value
    return _finish_in_thread(call, waited)


def _finish_in_thread(call: Any, waited: Any) -> Any:
    call.close()
    raise RuntimeError(f"a service of this process waits ({waited}); call it over HTTP instead")


# --- Resource types and APIs ---


def install_resources(additions: Mapping[str, ResourceHandler]) -> None:
    """Make ministack's CloudFormation use these handlers, each on a thread of its own: they may take long."""
    for name, handler in additions.items():
        provisioners._RESOURCE_HANDLERS[name] = {
            "create": handler.create,
            "update": handler.update,
            "delete": handler.delete,
            "update_with_logical_id": False,
        }
    threaded, before = frozenset(additions), stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda name: name in threaded or before(name)


def original_handler(name: str) -> Mapping[str, Callable[..., Any]]:
    """Return ministack's own functions for a resource type; call it before ``install_resources``."""
    found: Mapping[str, Callable[..., Any]] = provisioners._RESOURCE_HANDLERS[name]
    return found


def install_apis(additions: Mapping[str, Api]) -> None:
    """Let these answer the requests signed for a service; what they leave goes to ministack."""
    detect = app.detect_service

    def detect_service(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any]) -> str:
        signed = headers.get("authorization", "").partition("Credential=")[2].partition(",")[0].split("/")
        known = str(detect(method, path, headers, query)) if len(signed) < 4 or signed[3] not in additions else signed[3]
        return known

    app.detect_service = detect_service
    for name, api in additions.items():
        app.SERVICE_HANDLERS[name] = _answer_with(api, app.SERVICE_HANDLERS.get(name))


def _answer_with(api: Api, before: Callable[..., Awaitable[Any]] | None) -> Callable[..., Awaitable[Any]]:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        answer = await asyncio.to_thread(api, method, path, headers, body)
        if answer is not None:
            return answer
        if before is None:
            return 400, {"content-type": "application/json"}, b'{"__type":"UnknownOperationException"}'
        return await before(method, path, headers, body, query)

    return handle

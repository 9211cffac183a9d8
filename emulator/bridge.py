"""The bridge to ministack: only it and the other ``bridge_*`` modules touch private names of its.

They are checked when this is imported, and so is the version: another version may keep a name and change its meaning.
"""

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from ministack import app
from ministack.core import iam_evaluator
from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners, stacks

from emulator import bridge_data_plane
from emulator.bridge_data_plane import current_scope, scope
from emulator.handlers import Api, ResourceHandler, Response

VERSION = "1.5.33"
_NAMES: Mapping[Any, Sequence[str]] = {
    app: ("AUTH", "SERVICE_HANDLERS", "app", "detect_service", "pin_request_origin"),
    cloudwatch: ("_alarms",),
    iam_evaluator: ("_is_root_key",),
    provisioners: ("_RESOURCE_HANDLERS",),
    stacks: ("_runs_on_worker_thread",),
}
if version("ministack") != VERSION:
    raise ImportError(
        f"the emulator extends ministack {VERSION}, not {version('ministack')}; install what Pipfile pins"
    )
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


def check_root_keys() -> None:
    """Let the signatures of account roots be checked like all others: ministack itself accepts any secret of theirs."""
    iam_evaluator._is_root_key = lambda key: False


def count_as_tls() -> None:
    """Let policies see every request as one over TLS: the loopback listener stands in for endpoints that are."""
    pin = app.pin_request_origin

    def pin_secure(source: str, _: bool) -> None:
        pin(source, True)

    app.pin_request_origin = pin_secure


# --- Calls to services of this process ---

_SIGNING_NAMES = {
    "elbv2": "elasticloadbalancing",
    "cloudwatch": "monitoring",
    "bedrock-agentcore-control": "bedrock-agentcore",
}
_apis: dict[str, Api] = {}
_before: dict[str, Callable[..., Coroutine[Any, Any, Any]]] = {}
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
    url = urlsplit(request.url)
    headers = {
        key.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for key, value in request.headers.items()
    }
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    name, path = _SIGNING_NAMES.get(service, service), unquote(url.path)
    answer = _apis[name](request.method, path, headers, body) if name in _apis else None
    if answer is not None:
        return answer
    query = parse_qs(url.query, keep_blank_values=True)
    call = _own_handler(name)(request.method, path, headers, body, query)
    status, answered, content = finish(call)
    return status, answered, content if isinstance(content, bytes) else str(content).encode()


def own_answer(service: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Return ministack's own answer to a request, past what is added to the service."""
    status, answered, content = finish(_own_handler(service)(method, path, dict(headers), body, {}))
    return status, answered, content if isinstance(content, bytes) else str(content).encode()


def _own_handler(name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    found: Callable[..., Coroutine[Any, Any, Any]] = _before.get(name) or app.SERVICE_HANDLERS[name]
    return found


def finish(call: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end from synchronous code, on a thread of its own where an event loop runs already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(call)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(contextvars.copy_context().run, asyncio.run, call).result()


def denied_root(account: str, action: str, resource: str, owner: str, policy: str) -> str:
    """Return an empty string when an account's root may act on a resource of ``owner`` that carries ``policy``."""
    return bridge_data_plane.denied_principal(account, action, resource, owner, policy)


def alarm(name: str) -> dict[str, Any]:
    """Return the record of a metric alarm of the current scope."""
    record: dict[str, Any] = cloudwatch._alarms[name]
    return record


# --- Resource types and APIs ---


def install_resources(additions: Mapping[str, ResourceHandler]) -> None:
    """Make ministack's CloudFormation use these handlers, each on a thread of its own: they may take long."""
    for name, handler in additions.items():
        provisioners._RESOURCE_HANDLERS[name] = {
            "create": handler.create,
            "update": handler.update,
            "delete": handler.delete,
            "update_with_logical_id": getattr(handler, "update_with_logical_id", False),
        }
    threaded, before = frozenset(additions), stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda name: name in threaded or before(name)


def original_handler(name: str) -> Mapping[str, Any]:
    """Return ministack's own functions for a resource type; call it before ``install_resources``."""
    return dict(provisioners._RESOURCE_HANDLERS[name])


def install_apis(additions: Mapping[str, Api]) -> None:
    """Let these answer the requests signed for a service; what they leave goes to ministack."""
    detect = app.detect_service

    def detect_service(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any]) -> str:
        signed = headers.get("authorization", "").partition("Credential=")[2].partition(",")[0].split("/")
        ours = len(signed) > 3 and signed[3] in additions
        return signed[3] if ours else str(detect(method, path, headers, query))

    app.detect_service = detect_service
    for name, api in additions.items():
        before = app.SERVICE_HANDLERS.get(name)
        if before is not None:
            _before[name] = before
        _apis[name] = api
        app.SERVICE_HANDLERS[name] = _answer_with(api, before)


def _answer_with(
    api: Api, before: Callable[..., Coroutine[Any, Any, Any]] | None
) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        answer = await asyncio.to_thread(api, method, path, headers, body)
        if answer is not None:
            return answer
        if before is None:
            return 400, {"content-type": "application/json"}, b'{"__type":"UnknownOperationException"}'
        return await before(method, path, headers, body, query)

    return handle

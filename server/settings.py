"""The server's settings: read once from the environment, validated, typed."""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from server.provider_settings import ProviderSettings, ProviderSettingsError, read_providers

LOAD_BALANCER_IDLE_SECONDS = 60
"""Idle timeout of the load balancer in front (Elastic Load Balancing: ``idle_timeout.timeout_seconds``, default 60)."""

CONTAINER_STOP_SECONDS = 120
"""Longest time that Fargate leaves between SIGTERM and SIGKILL (ECS task definition: ``stopTimeout``, maximum 120)."""

COLLECTOR_URL = "http://127.0.0.1:4318/v1/traces"
"""Where a collector beside the server takes OTLP over HTTP (OpenTelemetry protocol specification, default port)."""

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_HOST_PATTERN = re.compile(r"\*|(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
_PACKAGE = re.compile(r"[a-z_]\w*(\.[a-z_]\w*)*", re.IGNORECASE | re.ASCII)

_Value = TypeVar("_Value")


LARGEST_BODY_BYTES = 4 * 2**20
"""What the MCP library reads at most (`mcp.server.transport_security.DEFAULT_MAX_REQUEST_BODY_SIZE`)."""

LARGEST_RESPONSE_BYTES = 64 * 2**20

_ISSUER_TEXT = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")


_TELLING_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})


class SettingsError(Exception):
    """A setting is wrong; the message is one sentence that names it and says what to write instead."""


@dataclass(frozen=True)
class TokenRules:
    """Which tokens open the server, with REQUIRE_TOKEN=on.

    issuer: the ``iss`` of valid tokens (TOKEN_ISSUER).
    keys_url: where the issuer's public keys are (TOKEN_KEYS_URL, https, or http on this machine).
    scope: the scope that a token carries (TOKEN_SCOPE).
    scope_claim: the claim that holds it, as a text separated by spaces or as a list (TOKEN_SCOPE_CLAIM).
    client_id: the ``client_id`` that a token carries; empty: any (TOKEN_CLIENT_ID).
    """

    issuer: str
    keys_url: str
    scope: str
    scope_claim: str = "scope"
    client_id: str = ""


@dataclass(frozen=True)
class Settings:
    """Everything that can be set, with its default; each field is the environment variable of the same name.

    host: address to listen on (HOST).
    port: TCP port, 0 for any free one (PORT).
    log_level: one of `LOG_LEVELS` (LOG_LEVEL).
    keep_alive_seconds: how long an idle connection stays open; longer than the load balancer's idle timeout, because
        a target that closes first makes the load balancer answer 502 (KEEP_ALIVE_SECONDS).
    ping_interval_seconds: seconds of silence after which a running stream sends a ping (PING_INTERVAL_SECONDS).
    shutdown_seconds: how long SIGTERM waits for running calls (SHUTDOWN_SECONDS).
    drain_quiet_seconds: how long no call may have arrived after SIGTERM before the server stops listening
        (DRAIN_QUIET_SECONDS).
    allowed_hosts: the only host names under which the MCP endpoint answers; empty protects only addresses of this
        machine (ALLOWED_HOSTS, separated by commas, ``*.example.com`` and ``*`` allowed).
    forwarded_allow_ips: networks whose X-Forwarded-* headers are believed (FORWARDED_ALLOW_IPS, separated by commas).
    max_header_bytes: largest sum of a request's headers (MAX_HEADER_BYTES).
    max_body_bytes: largest body of a request (MAX_BODY_BYTES).
    max_depth: how deep arrays and objects of a body may be nested (MAX_DEPTH).
    max_concurrency: how many calls run at a time; health checks are no calls (MAX_CONCURRENCY).
    max_queue: how many calls wait for a place when all are taken (MAX_QUEUE).
    queue_seconds: how long a call waits for a place (QUEUE_SECONDS).
    tool_seconds: how long one call of a tool may take; less than SHUTDOWN_SECONDS, so that what runs when the server is
        told to stop can end (TOOL_SECONDS).
    tool_concurrency: how many calls of one tool run at a time; less than MAX_CONCURRENCY, so that a tool that hangs
        leaves places for the others (TOOL_CONCURRENCY).
    max_response_bytes: largest answer of a tool (MAX_RESPONSE_BYTES).
    memory_percent: from which share of the container's memory on new calls are refused (MEMORY_PERCENT).
    request_seconds: how long a request may take to arrive (REQUEST_SECONDS).
    list_page_size: how many tools, resources or prompts a page of a list holds; 0: all. Whether AgentCore's gateway
        asks for a second page, AWS does not document (LIST_PAGE_SIZE).
    runtime_name: what metrics call this runtime (RUNTIME_NAME).
    metrics_seconds: how often metrics are written; 0: never (METRICS_SECONDS).
    audit_arguments: whether audit lines hold a call's arguments: ``off``, or ``redacted``, without secrets and cut
        (AUDIT_ARGUMENTS).
    audit_caller_header: the header that says who calls, in lower case; empty: none does (AUDIT_CALLER_HEADER).
    traces_url: where spans go, as OTLP over HTTP; empty: there are none (TRACES ``on`` or ``off``, and TRACES_URL,
        https, or http on this machine).
    traces_percent: share of calls that are traced where the caller has not decided that (TRACES_PERCENT).
    token: which tokens are asked for; None: none are (REQUIRE_TOKEN ``on`` or ``off``, and the TOKEN_ settings).
    request_state_key: what seals the state of calls that ask their caller and are called anew, the same for every
        task of a runtime; empty: a key of the process alone (REQUEST_STATE_KEY, a secret of 32 characters and more).
    tool_packages: packages that hold one tool a module (TOOL_PACKAGES, separated by commas).
    resource_packages: packages that hold one resource a module (RESOURCE_PACKAGES, separated by commas).
    prompt_packages: packages that hold one prompt a module (PROMPT_PACKAGES, separated by commas).
    providers: where more tools come from (PROVIDERS, a JSON list, `server.provider_settings`).
    provider_start_seconds: how long the start of a provider is waited for (PROVIDER_START_SECONDS).
    tool_secrets: the keys of one Secrets Manager secret, for `server.tool_secrets` (TOOL_SECRETS, a JSON object).
    """

    host: str = "127.0.0.1"
    port: int = 3000
    log_level: str = "INFO"
    keep_alive_seconds: int = LOAD_BALANCER_IDLE_SECONDS + 5
    ping_interval_seconds: int = LOAD_BALANCER_IDLE_SECONDS // 2
    shutdown_seconds: int = 100
    drain_quiet_seconds: int = 1
    allowed_hosts: tuple[str, ...] = ()
    forwarded_allow_ips: tuple[str, ...] = ()
    max_header_bytes: int = 8192
    max_body_bytes: int = LARGEST_BODY_BYTES
    max_depth: int = 64
    max_concurrency: int = 64
    max_queue: int = 128
    queue_seconds: int = 5
    tool_seconds: int = 90
    tool_concurrency: int = 32
    max_response_bytes: int = 4 * 2**20
    memory_percent: int = 90
    request_seconds: int = 30
    list_page_size: int = 0
    runtime_name: str = "local"
    metrics_seconds: int = 60
    audit_arguments: str = "off"
    audit_caller_header: str = ""
    traces_url: str = ""
    traces_percent: int = 100
    token: TokenRules | None = None
    request_state_key: str = field(default="", repr=False)
    tool_packages: tuple[str, ...] = ("server.tools",)
    resource_packages: tuple[str, ...] = ("server.resources",)
    prompt_packages: tuple[str, ...] = ("server.prompts",)
    providers: tuple[ProviderSettings, ...] = ()
    provider_start_seconds: int = 20
    tool_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that `environment` asks for; a variable that is absent or blank means its default.

    Raises SettingsError for the first value that cannot be used; the message repeats no secret.
    """

    def setting(name: str, parse: Callable[[str, str], _Value], default: _Value) -> _Value:
        text = environment.get(name, "").strip()
        return parse(name, text) if text else default

    settings = Settings(
        host=setting("HOST", _host, Settings.host),
        port=setting("PORT", _whole_number(0, 65535), Settings.port),
        log_level=setting("LOG_LEVEL", _log_level, Settings.log_level),
        keep_alive_seconds=setting("KEEP_ALIVE_SECONDS", _whole_number(1, 4005), Settings.keep_alive_seconds),
        ping_interval_seconds=setting("PING_INTERVAL_SECONDS", _whole_number(1, 4000), Settings.ping_interval_seconds),
        shutdown_seconds=setting(
            "SHUTDOWN_SECONDS", _whole_number(1, CONTAINER_STOP_SECONDS - 5), Settings.shutdown_seconds
        ),
        drain_quiet_seconds=setting("DRAIN_QUIET_SECONDS", _whole_number(0, 60), Settings.drain_quiet_seconds),
        allowed_hosts=setting("ALLOWED_HOSTS", _list_of(_host_pattern), Settings.allowed_hosts),
        forwarded_allow_ips=setting("FORWARDED_ALLOW_IPS", _list_of(_network), Settings.forwarded_allow_ips),
        max_header_bytes=setting("MAX_HEADER_BYTES", _whole_number(1024, 65536), Settings.max_header_bytes),
        max_body_bytes=setting("MAX_BODY_BYTES", _whole_number(1024, LARGEST_BODY_BYTES), Settings.max_body_bytes),
        max_depth=setting("MAX_DEPTH", _whole_number(8, 512), Settings.max_depth),
        max_concurrency=setting("MAX_CONCURRENCY", _whole_number(1, 10000), Settings.max_concurrency),
        max_queue=setting("MAX_QUEUE", _whole_number(0, 100000), Settings.max_queue),
        queue_seconds=setting("QUEUE_SECONDS", _whole_number(1, 60), Settings.queue_seconds),
        tool_seconds=setting("TOOL_SECONDS", _whole_number(1, CONTAINER_STOP_SECONDS), Settings.tool_seconds),
        tool_concurrency=setting("TOOL_CONCURRENCY", _whole_number(1, 10000), Settings.tool_concurrency),
        max_response_bytes=setting(
            "MAX_RESPONSE_BYTES", _whole_number(1024, LARGEST_RESPONSE_BYTES), Settings.max_response_bytes
        ),
        memory_percent=setting("MEMORY_PERCENT", _whole_number(50, 100), Settings.memory_percent),
        request_seconds=setting("REQUEST_SECONDS", _whole_number(1, 600), Settings.request_seconds),
        list_page_size=setting("LIST_PAGE_SIZE", _whole_number(0, 10000), Settings.list_page_size),
        runtime_name=setting("RUNTIME_NAME", _runtime_name, Settings.runtime_name),
        metrics_seconds=setting("METRICS_SECONDS", _whole_number(0, 3600), Settings.metrics_seconds),
        audit_arguments=setting("AUDIT_ARGUMENTS", _one_of("off", "redacted"), Settings.audit_arguments),
        audit_caller_header=setting("AUDIT_CALLER_HEADER", _header_name, Settings.audit_caller_header),
        traces_url=_traces_url(environment),
        traces_percent=setting("TRACES_PERCENT", _whole_number(0, 100), Settings.traces_percent),
        token=_token_rules(environment),
        request_state_key=setting("REQUEST_STATE_KEY", _key, Settings.request_state_key),
        tool_packages=setting("TOOL_PACKAGES", _list_of(_package), Settings.tool_packages),
        resource_packages=setting("RESOURCE_PACKAGES", _list_of(_package), Settings.resource_packages),
        prompt_packages=setting("PROMPT_PACKAGES", _list_of(_package), Settings.prompt_packages),
        tool_secrets=setting("TOOL_SECRETS", _secrets, {}),
        providers=setting("PROVIDERS", _providers, ()),
        provider_start_seconds=setting("PROVIDER_START_SECONDS", _whole_number(1, 50), Settings.provider_start_seconds),
    )
    if settings.ping_interval_seconds >= settings.keep_alive_seconds:
        raise SettingsError(
            f"PING_INTERVAL_SECONDS is {settings.ping_interval_seconds} and KEEP_ALIVE_SECONDS is "
            f"{settings.keep_alive_seconds}; the ping interval must be the smaller of the two."
        )
    return settings


def _traces_url(environment: Mapping[str, str]) -> str:
    asked = environment.get("TRACES", "").strip().lower() or "off"
    if asked not in ("on", "off"):
        raise SettingsError(f"TRACES is {asked!r}; write on or off.")
    url = environment.get("TRACES_URL", "").strip() or COLLECTOR_URL
    if not _is_safe_url(url):
        raise SettingsError(f"TRACES_URL is {url!r}; write an https:// URL, or an http:// one of this machine.")
    return url if asked == "on" else ""


def _token_rules(environment: Mapping[str, str]) -> TokenRules | None:
    asked = environment.get("REQUIRE_TOKEN", "").strip().lower() or "off"
    if asked not in ("on", "off"):
        raise SettingsError(f"REQUIRE_TOKEN is {asked!r}; write on or off.")
    if asked == "off":
        return None
    given = {
        name: environment.get(f"TOKEN_{name}", "").strip()
        for name in ("ISSUER", "KEYS_URL", "SCOPE", "SCOPE_CLAIM", "CLIENT_ID")
    }
    for name, text in given.items():
        if not text and name in ("ISSUER", "KEYS_URL", "SCOPE"):
            raise SettingsError(f"TOKEN_{name} is not set; with REQUIRE_TOKEN=on give the token issuer's.")
        if text and not _ISSUER_TEXT.fullmatch(text):
            raise SettingsError(f"TOKEN_{name} is {text!r}; write at most 256 characters without spaces and quotes.")
    if not _is_safe_url(given["KEYS_URL"]):
        raise SettingsError(f"TOKEN_KEYS_URL is {given['KEYS_URL']!r}; write an https:// URL.")
    return TokenRules(
        given["ISSUER"],
        given["KEYS_URL"],
        given["SCOPE"],
        given["SCOPE_CLAIM"] or TokenRules.scope_claim,
        given["CLIENT_ID"],
    )


def _is_safe_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        address = parts.hostname or ""
    except ValueError:
        return False
    on_this_machine = _is_address(address) and ipaddress.ip_address(address).is_loopback
    return bool(address) and (parts.scheme == "https" or (parts.scheme == "http" and on_this_machine))


def _whole_number(lowest: int, highest: int) -> Callable[[str, str], int]:
    def parse(name: str, text: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) and lowest <= int(text) <= highest:
            return int(text)
        raise SettingsError(f"{name} is {text!r}; write a whole number from {lowest} to {highest}.")

    return parse


def _providers(name: str, text: str) -> tuple[ProviderSettings, ...]:
    try:
        return read_providers(text)
    except ProviderSettingsError as error:
        raise SettingsError(f"{name} {error}.") from error


def _one_of(*allowed: str) -> Callable[[str, str], str]:
    def parse(name: str, text: str) -> str:
        if text.lower() in allowed:
            return text.lower()
        raise SettingsError(f"{name} is {text!r}; write {' or '.join(allowed)}.")

    return parse


def _runtime_name(name: str, text: str) -> str:
    if re.fullmatch(r"[\x21-\x7e]{1,255}", text) and not text.startswith(":"):
        return text
    raise SettingsError(f"{name} is {text!r}; write at most 255 printable ASCII characters without spaces.")


def _header_name(name: str, text: str) -> str:
    if re.fullmatch(r"[a-z][a-z0-9-]{0,99}", text, re.IGNORECASE | re.ASCII) and text.lower() not in _TELLING_HEADERS:
        return text.lower()
    raise SettingsError(f"{name} is {text!r}; write the name of a header that holds no credential.")


def _list_of(parse_item: Callable[[str, str], str]) -> Callable[[str, str], tuple[str, ...]]:
    def parse(name: str, text: str) -> tuple[str, ...]:
        return tuple(parse_item(name, item.strip()) for item in text.split(",") if item.strip())

    return parse


def _host(name: str, text: str) -> str:
    if _is_address(text) or re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", text, re.IGNORECASE | re.ASCII):
        return text
    raise SettingsError(f"{name} is {text!r}; write an IP address or a host name to listen on, such as 0.0.0.0.")


def _host_pattern(name: str, text: str) -> str:
    if _is_address(text) or _HOST_PATTERN.fullmatch(text):
        return text.lower()
    raise SettingsError(
        f"{name} contains {text!r}; write host names without scheme, port or path, separated by commas."
    )


def _network(name: str, text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise SettingsError(
            f"{name} contains {text!r}; write IP networks such as 10.0.0.0/16, separated by commas."
        ) from error


def _package(name: str, text: str) -> str:
    if _PACKAGE.fullmatch(text):
        return text
    raise SettingsError(f"{name} contains {text!r}; write importable package names, separated by commas.")


def _log_level(name: str, text: str) -> str:
    if text.upper() in LOG_LEVELS:
        return text.upper()
    raise SettingsError(f"{name} is {text!r}; write one of {', '.join(LOG_LEVELS)}.")


def _key(name: str, text: str) -> str:
    # The library asks for 32 bytes (`mcp.server.request_state.AESGCMRequestStateCodec`).
    if 32 <= len(text) <= 4096 and text.isascii():
        return text
    raise SettingsError(f"{name} is no key; write 32 to 4096 random ASCII characters.")


def _secrets(name: str, text: str) -> dict[str, str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise SettingsError(f"{name} is not a JSON object; store the secret in Secrets Manager as key/value pairs.")
    for key, value in document.items():
        if not isinstance(value, str | int | float):
            raise SettingsError(f"{name} holds something else than a text or a number under {key!r}; write it as text.")
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in document.items()}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

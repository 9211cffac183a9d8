"""What PROVIDERS says: where more tools come from than from this image's own packages."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

KINDS = ("package", "openapi", "mcp")
MOST_PROVIDERS = 10
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_TOOLS = re.compile(r"[A-Za-z0-9_.*?\[\]-]{1,64}", re.ASCII)
_URL = re.compile(r"https://[^\s/@?#]+([/?]\S*)?|http://127\.0\.0\.1:[0-9]{1,5}(/\S*)?")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
_MEMBERS = frozenset(
    {"name", "kind", "source", "base_url", "tools", "timeout", "credential", "credential_header", "required"}
)
DEFAULT_SECONDS = 30.0


class ProviderSettingsError(ValueError):
    """PROVIDERS cannot be used; the message is the end of a sentence."""


@dataclass(frozen=True)
class ProviderSettings:
    """One provider.

    kind: ``package`` (functions, one tool a module), ``openapi`` (the operations of an API), or ``mcp`` (the tools of
        another MCP server).
    source: the package's name; the OpenAPI document's path below the working directory, or its URL; the server's URL.
    base_url: where an API is, if its document does not say.
    tools: patterns of the names of tools that are offered; the others are not.
    seconds: how long one call may take.
    credential: the key of TOOL_SECRETS whose value is sent, as a bearer token where `credential_header` is
        ``Authorization``, else as it is; empty: none is.
    required: whether the server does not start without it.
    """

    name: str
    kind: str
    source: str
    base_url: str = ""
    tools: tuple[str, ...] = ("*",)
    seconds: float = DEFAULT_SECONDS
    credential: str = ""
    credential_header: str = "Authorization"
    required: bool = False

    def offers(self, tool: str) -> bool:
        """Return whether a tool of this name is on the list of those that are allowed."""
        return any(fnmatchcase(tool, pattern) for pattern in self.tools)


def read_providers(text: str) -> tuple[ProviderSettings, ...]:
    """Return the providers of a JSON list of objects. Raises ProviderSettingsError."""
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        raise ProviderSettingsError("is not JSON; write a list of objects") from None
    if not isinstance(listed, list) or len(listed) > MOST_PROVIDERS:
        raise ProviderSettingsError(f"is no list of at most {MOST_PROVIDERS} objects")
    providers = tuple(_provider(one) for one in listed)
    names = [provider.name for provider in providers]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise ProviderSettingsError(f"names {repeated} twice; give each provider a name of its own")
    return providers


def _provider(given: object) -> ProviderSettings:
    if not isinstance(given, dict) or not isinstance(given.get("name"), str) or not _NAME.fullmatch(given["name"]):
        raise ProviderSettingsError(
            "holds something without a name; give each provider a name of lower-case letters, digits and hyphens"
        )
    name = given["name"]
    if unknown := sorted(set(given) - _MEMBERS):
        members = ", ".join(sorted(_MEMBERS))
        raise ProviderSettingsError(f"gives {name} the unknown member {unknown[0]}; there are {members}")
    kind, source = given.get("kind"), given.get("source")
    if kind not in KINDS:
        raise ProviderSettingsError(f"gives {name} the kind {kind!r}; write {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    if not isinstance(source, str) or not _is_source(kind, source):
        raise ProviderSettingsError(f"gives {name} the source {source!r}; write {_SOURCES[kind]}")
    seconds = given.get("timeout", DEFAULT_SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 1 <= seconds <= 120:
        raise ProviderSettingsError(f"gives {name} the timeout {seconds!r}; write seconds from 1 to 120")
    base_url = given.get("base_url", "")
    if not isinstance(base_url, str) or (base_url and not is_url(base_url)):
        raise ProviderSettingsError(f"gives {name} the base_url {base_url!r}; write an https:// URL")
    required = given.get("required", False)
    if not isinstance(required, bool):
        raise ProviderSettingsError(f"says of {name} required: {required!r}; write true or false")
    return ProviderSettings(
        name,
        kind,
        source,
        base_url,
        _patterns(name, given.get("tools", ["*"])),
        float(seconds),
        *_credential(name, given),
        required=required,
    )


def _patterns(name: str, given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        raise ProviderSettingsError(f"gives {name} no list of tools; write their names, with * for any characters")
    for pattern in given:
        if not isinstance(pattern, str) or not _TOOLS.fullmatch(pattern):
            raise ProviderSettingsError(f"gives {name} the tool {pattern!r}; write a name, with * for any characters")
    return tuple(given)


def _credential(name: str, given: Mapping[str, Any]) -> tuple[str, str]:
    key, header = given.get("credential", ""), given.get("credential_header", "Authorization")
    if not isinstance(key, str):
        raise ProviderSettingsError(f"gives {name} the credential {key!r}; write the name of a key")
    if not isinstance(header, str) or not _HEADER.fullmatch(header):
        raise ProviderSettingsError(f"gives {name} the credential_header {header!r}; write the name of a header")
    return key, header


_SOURCES = {
    "package": "an importable package's name",
    "openapi": "the path of a document in the image, or its https:// URL",
    "mcp": "the server's https:// URL",
}


def _is_source(kind: str, source: str) -> bool:
    if kind == "package":
        return all(part.isidentifier() for part in source.split("."))
    if kind == "openapi" and "://" not in source:
        return bool(source) and not source.startswith("/") and ".." not in source.split("/")
    return is_url(source)


def is_url(text: str) -> bool:
    """Return whether `text` is a URL that a credential may be sent to: encrypted, or on this machine."""
    return len(text) <= 1000 and _URL.fullmatch(text) is not None

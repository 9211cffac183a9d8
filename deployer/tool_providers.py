"""`[[providers]]`: where more tools come from than from the server's own packages.

What it says travels as one template parameter into the container, where the server reads it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from deployer.errors import UsageError
from generator import parameters as p

KINDS: Final = ("package", "openapi", "mcp")
MOST: Final = 10
KEYS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "name": str,
    "kind": str,
    "source": str,
    "base_url": str,
    "tools": list,
    "timeout": (int, float),
    "credential": str,
    "credential_header": str,
    "required": bool,
}
"""What a table may say; the server's own reading of PROVIDERS has the same members."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_DOCUMENT = re.compile(r"(?!/)(?!(.*/)?\.\.(/|$))[^\s:]+")
_URL = re.compile(r"https://[^\s/@?#]+([/?]\S*)?")
_TOOLS = re.compile(r"[A-Za-z0-9_.*?\[\]-]{1,64}", re.ASCII)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
_SOURCES: Final = {
    "package": (_PACKAGE, "an importable package's name"),
    "openapi": (_DOCUMENT, "the path of a document in the image, or its https:// URL"),
    "mcp": (_URL, "the server's https:// URL"),
}


def value(tables: object, file: str, *, with_secret: bool) -> str:
    """Returns the parameter's value: a JSON list in one line, empty where there are no tables.

    `with_secret` says whether the tools have a secret, of which a credential is a key. Raises UsageError with one
    sentence that names `file` and the table.
    """
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{file}: providers is no list of tables; write each as [[providers]].")
    if len(tables) > MOST:
        raise UsageError(f"{file}: there are {len(tables)} [[providers]], and {MOST} at most; leave some out.")
    names: list[str] = []
    for table in tables:
        _check(table, file, with_secret)
        names.append(table["name"])
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{file}: two [[providers]] have the name {repeated}; give each one of its own.")
    text = json.dumps(tables, separators=(",", ":")) if tables else ""
    if p.TOOL_PROVIDERS.max_length is not None and len(text) > p.TOOL_PROVIDERS.max_length:
        raise UsageError(
            f"{file}: [[providers]] takes {len(text)} characters and may take {p.TOOL_PROVIDERS.max_length}; "
            "name tools by patterns, or leave some out."
        )
    return text


def _check(table: Mapping[str, Any], file: str, with_secret: bool) -> None:
    name = table.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{file}: [[providers]] has the name {name!r}; write at most 32 lower-case letters, digits and hyphens."
        )
    where = f"{file}: [[providers]] {name}"
    for key, found in table.items():
        if key not in KEYS:
            raise UsageError(f"{where} has the unknown key {key}; there are {', '.join(KEYS)}.")
        wrong = not isinstance(found, KEYS[key]) or (isinstance(found, bool) and KEYS[key] is not bool)
        if wrong:
            raise UsageError(f"{where} has {key} = {found!r}, which is of another type; see deployment.example.toml.")
    kind, source = table.get("kind"), table.get("source", "")
    if kind not in KINDS:
        raise UsageError(f"{where} has the kind {kind!r}; write one of {', '.join(KINDS)}.")
    pattern, what = _SOURCES[kind]
    if not pattern.fullmatch(source) and not (kind == "openapi" and _URL.fullmatch(source)):
        raise UsageError(f"{where} has the source {source!r}; write {what}.")
    if not 1 <= table.get("timeout", 1) <= 120:
        raise UsageError(f"{where} has timeout = {table['timeout']}; write seconds from 1 to 120.")
    tools = table.get("tools", ["*"])
    if not tools or not all(isinstance(tool, str) and _TOOLS.fullmatch(tool) for tool in tools):
        raise UsageError(f"{where} has tools = {table['tools']!r}; write names of tools, with * for any characters.")
    if table.get("base_url") and not _URL.fullmatch(table["base_url"]):
        raise UsageError(f"{where} has the base_url {table['base_url']!r}; write an https:// URL.")
    if not _HEADER.fullmatch(table.get("credential_header", "Authorization")):
        raise UsageError(f"{where} has the credential_header {table['credential_header']!r}; write a header's name.")
    if table.get("credential") and not with_secret:
        raise UsageError(
            f"{where} has the credential {table['credential']}, a key of compute.secret_arn, which is not set; set it."
        )

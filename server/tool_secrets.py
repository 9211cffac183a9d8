"""Secret settings for tools: the keys of the one secret that the container was given.

A tool writes ``tool_secret("API_KEY")`` where it needs the value. On AWS the values come from the Secrets Manager
secret named by the stack; on a developer's machine from ``TOOL_SECRETS='{"API_KEY": "..."}'``.
"""

from collections.abc import Mapping

from fastmcp.exceptions import ToolError


class MissingToolSecretError(ToolError):
    """A tool asked for a key that is not configured; callers see the message, which names the key only."""


_values: dict[str, str] = {}


def install_tool_secrets(values: Mapping[str, str]) -> None:
    """Make `values` the secrets of this process; the server calls it once, before any tool is imported."""
    _values.clear()
    _values.update(values)


def tool_secret(key: str) -> str:
    """Return the secret setting `key`.

    Raises MissingToolSecretError when the secret has no such key. Asked for while a tool's module is imported, a
    missing key stops the server at start; asked for inside the tool, it fails that call.
    """
    try:
        return _values[key]
    except KeyError:
        raise MissingToolSecretError(
            f"The secret setting {key} is not configured; add the key {key} to the secret given as TOOL_SECRETS."
        ) from None

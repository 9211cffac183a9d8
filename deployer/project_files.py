"""Files of somebody's project that `connect` writes into: added to, never lost, and replaced in one step."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Literal

from deployer.errors import UsageError

Outcome = Literal["written", "replaced", "unchanged"]
"""`replaced`: the file held another entry of the same name."""


def merged(text: str, key: str, name: str, entry: dict[str, Any], file: str) -> tuple[str, Outcome]:
    """Returns a JSON file's text with the entry `name` in its object `key`, and what that means.

    Everything else stays, in its order; text that needs no change is returned as it is. Raises UsageError where the
    text is no JSON object, such as JSON with comments, which would be lost.
    """
    try:
        document = json.loads(text) if text.strip() else {}
    except (json.JSONDecodeError, RecursionError) as error:
        raise UsageError(
            f"{file} is not JSON ({error}); correct it, or take its comments out, or add the server by hand as connect"
            " prints it without --write."
        ) from error
    servers = document.get(key, {}) if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(servers, dict):
        where = f"its {key!r} is" if isinstance(document, dict) else "it is"
        raise UsageError(f"{file} cannot take a server: {where} no JSON object; correct it, or move it away.")
    before = servers.get(name)
    if before == entry:
        return text, "unchanged"
    document[key] = {**servers, name: entry}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n", "written" if before is None else "replaced"


def add_server(file: Path, key: str, name: str, entry: dict[str, Any]) -> Outcome:
    """Adds a server to a client's JSON file, which is made where there is none.

    Raises UsageError, the file being as it was, where it is not a JSON object or cannot be read or written.
    """
    text, outcome = merged(read(file) or "", key, name, entry, str(file))
    if outcome != "unchanged":
        write(file, text)
    return outcome


def add_program(file: Path, text: str) -> Outcome:
    """Writes a program; raises UsageError where another text is there already, or the file cannot be written."""
    before = read(file)
    if before is not None and before != text:
        raise UsageError(f"{file} is there already and differs; move it away, or name another folder with --write.")
    if before is None:
        write(file, text)
    return "unchanged" if before is not None else "written"


def read(file: Path) -> str | None:
    """Returns a file's text, None where there is none; raises UsageError where it cannot be read as UTF-8."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{file} cannot be read ({reason}); correct that, or name another folder.") from error


def write(file: Path, text: str, mode: int | None = None) -> None:
    """Replaces a file's text in one step, so that nobody reads half of it; what a symbolic link leads to is replaced.

    A file keeps its permissions; `mode` gives others. Raises UsageError where the file cannot be written.
    """
    try:
        whole = file.resolve()
        whole.parent.mkdir(parents=True, exist_ok=True)
        kept = mode if mode is not None else _mode(whole)
        descriptor, name = tempfile.mkstemp(dir=whole.parent, prefix=f".{whole.name}.")
        new = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
                opened.write(text)
            new.chmod(kept)
            new.replace(whole)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written ({error.strerror or error}); free the permission, or name another folder."
        ) from error


def _mode(file: Path) -> int:
    if file.exists():
        return file.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask

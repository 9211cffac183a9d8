"""Finds what authors write: one module a thing, no registration.

The convention: the module ``NAME.py`` of a package defines a function ``NAME``; that function is the tool, resource or
prompt ``NAME``. Its parameters and its return value are annotated and it has a docstring, which is what agents read.
Everything else in the module is its own business. Modules whose name starts with an underscore are left alone.
"""

import importlib
import inspect
import pkgutil
import re
import traceback
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType

from server.settings import SettingsError

LONGEST_NAME = 48
"""A gateway shows a tool as ``target___tool`` in at most 64 characters; 48 leave 13 for the target's name."""

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_FORBIDDEN_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of values",
    inspect.Parameter.VAR_KEYWORD: "takes any name",
}


class LoadError(Exception):
    """A module cannot be used; the message is one sentence that names the module and says what to change."""


@dataclass(frozen=True)
class Kind:
    """What is looked for: `word` as sentences call it, the `setting` that names its packages, and whether a package
    may hold none.
    """

    word: str
    setting: str
    may_be_empty: bool = False


@dataclass(frozen=True)
class Found:
    """One thing: its name, its module and its function."""

    kind: Kind
    name: str
    module_name: str
    module: ModuleType
    function: FunctionType

    @property
    def sentence(self) -> str:
        """What sentences about it begin with."""
        return f"The {self.kind.word} {self.module_name}"

    def cannot_be_described(self, error: Exception) -> LoadError:
        """Return the error that says why its signature has no description."""
        return LoadError(
            f"{self.sentence} has a signature that cannot be described to agents ({in_one_line(error)}); "
            "use types that pydantic knows."
        )


def discovered(kind: Kind, packages: Sequence[str]) -> Iterator[Found]:
    """Import every module of `packages` (importable names) and yield what they define, package by package, by name.

    Raises SettingsError when a package does not exist, and LoadError for the first module that breaks the convention,
    cannot be imported, or has a name that another package has already taken.
    """
    taken: dict[str, str] = {}
    for package_name in packages:
        package = _import_package(kind, package_name)
        names = sorted(info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_"))
        if not names and not kind.may_be_empty:
            raise LoadError(f"The package {package_name} holds no {kind.word}s; add a module to it or leave it out.")
        for name in names:
            module_name = f"{package_name}.{name}"
            if name in taken:
                raise LoadError(f"The {kind.word} {name} is in {taken[name]} and in {module_name}; rename one of them.")
            taken[name] = module_name
            yield _found(kind, name, module_name)


def _import_package(kind: Kind, name: str) -> ModuleType:
    try:
        package = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise SettingsError(
                f"{kind.setting} names {name}, which is not there; install it or correct it."
            ) from error
        raise _import_failure(kind, name, error) from error
    except (Exception, SystemExit) as error:
        raise _import_failure(kind, name, error) from error
    if not hasattr(package, "__path__"):
        raise SettingsError(
            f"{kind.setting} names {name}, which is a module; name the package that holds the {kind.word}s."
        )
    return package


def _found(kind: Kind, name: str, module_name: str) -> Found:
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise LoadError(
            f"The {kind.word} module {module_name} has an unusable name; take at most {LONGEST_NAME} lower-case "
            "letters, digits and underscores."
        )
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise _import_failure(kind, module_name, error) from error
    function = vars(module).get(name)
    if not isinstance(function, FunctionType):
        raise LoadError(
            f"The {kind.word} module {module_name} defines no function {name}; name the {kind.word}'s function like "
            "its module."
        )
    found = Found(kind, name, module_name, module, function)
    _check_signature(found)
    return found


def _check_signature(found: Found) -> None:
    what, function = found.sentence, found.function
    if not (function.__doc__ or "").strip():
        raise LoadError(f"{what} has no docstring; write one that tells agents what it does.")
    try:
        annotations = typing.get_type_hints(function)
    except Exception as error:
        raise LoadError(
            f"{what} has an annotation that cannot be resolved ({in_one_line(error)}); correct it."
        ) from error
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in _FORBIDDEN_KINDS:
            raise LoadError(
                f"The parameter {parameter.name} of the {found.kind.word} {found.module_name} "
                f"{_FORBIDDEN_KINDS[parameter.kind]}; give the {found.kind.word} ordinary named parameters only."
            )
        if parameter.name not in annotations:
            raise LoadError(
                f"The parameter {parameter.name} of the {found.kind.word} {found.module_name} has no type; annotate it."
            )
    if "return" not in annotations:
        raise LoadError(f"{what} does not say what it returns; annotate its return value.")


def _import_failure(kind: Kind, module_name: str, error: BaseException) -> LoadError:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    # The first frame is this module's, the second the one that was to be imported.
    line = error.lineno if isinstance(error, SyntaxError) else frames[1].lineno if len(frames) > 1 else None
    where = f" at line {line}" if line else ""
    return LoadError(
        f"The {kind.word} module {module_name} cannot be imported: {type(error).__name__}{where} "
        f"({in_one_line(error)}); correct it or take the module out."
    )


def in_one_line(error: BaseException) -> str:
    """Return what an exception says, in one line of at most 200 characters."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join(message.split())[:200] or "no message"

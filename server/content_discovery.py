"""Finds the resources and prompts (`server.discovery` says how).

A resource's module says by `URI` where the resource is, such as ``guide://install``; names in braces
(``orders://{order}/lines``) make it a template, and are the function's parameters. `MIME_TYPE` says what it is, text
otherwise. A prompt's parameters are its arguments.
"""

import re
from collections.abc import Sequence

from fastmcp import FastMCP
from fastmcp.prompts import FunctionPrompt, Prompt
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.resources.template import FunctionResourceTemplate

from server.completions import Completions
from server.discovery import Found, Kind, LoadError, discovered

_RESOURCES = Kind("resource", "RESOURCE_PACKAGES", may_be_empty=True)
_PROMPTS = Kind("prompt", "PROMPT_PACKAGES", may_be_empty=True)
_URI = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_MIME_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+(; ?[a-z]+=\S+)?", re.IGNORECASE)


def load_resources(packages: Sequence[str]) -> tuple[Resource | ResourceTemplate, ...]:
    """Import every resource module of `packages` and return the resources and templates, by name.

    Raises SettingsError when a package does not exist, and LoadError for the first module that breaks the convention,
    cannot be imported, or has a name or a URI that another has already taken.
    """
    resources: dict[str, Resource | ResourceTemplate] = {}
    for found in discovered(_RESOURCES, packages):
        uri = _text(found, "URI", _URI, "a URI such as guide://install")
        if uri is None:
            raise LoadError(f'{found.sentence} does not say where it is; write URI = "guide://{found.name}" in it.')
        if uri in resources:
            raise LoadError(f"{found.sentence} has the URI {uri} of another; give it one of its own.")
        kind = ResourceTemplate if "{" in uri else Resource
        mime_type = _text(found, "MIME_TYPE", _MIME_TYPE, "a type such as text/markdown")
        try:
            resources[uri] = kind.from_function(found.function, uri, name=found.name, mime_type=mime_type)
        except Exception as error:
            raise found.cannot_be_described(error) from error
    return tuple(sorted(resources.values(), key=lambda resource: resource.name))


def load_prompts(packages: Sequence[str]) -> tuple[Prompt, ...]:
    """Import every prompt module of `packages` and return the prompts, by name.

    Raises SettingsError when a package does not exist, and LoadError for the first module that breaks the convention,
    cannot be imported, or has a name that another has already taken.
    """
    prompts = []
    for found in discovered(_PROMPTS, packages):
        try:
            prompts.append(Prompt.from_function(found.function, name=found.name))
        except Exception as error:
            raise found.cannot_be_described(error) from error
    return tuple(sorted(prompts, key=lambda prompt: prompt.name))


def furnish(server: FastMCP, resources: Sequence[Resource | ResourceTemplate], prompts: Sequence[Prompt]) -> None:
    """Have `server` offer the resources and prompts, and complete those of their arguments that have few values."""
    for resource in resources:
        if isinstance(resource, ResourceTemplate):
            server.add_template(resource)
        else:
            server.add_resource(resource)
    for prompt in prompts:
        server.add_prompt(prompt)
    completions = Completions(
        {prompt.name: prompt.fn for prompt in prompts if isinstance(prompt, FunctionPrompt)},
        {
            resource.uri_template: resource.fn
            for resource in resources
            if isinstance(resource, FunctionResourceTemplate)
        },
    )
    if completions:
        server.add_completion_handler(completions)


def _text(found: Found, constant: str, pattern: re.Pattern[str], example: str) -> str | None:
    value = vars(found.module).get(constant)
    if value is None:
        return None
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise LoadError(f"{constant} of the {found.kind.word} {found.module_name} is {value!r}; write {example}.")
    return value

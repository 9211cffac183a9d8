"""The resources, prompts and completions that the conformance suite's scenarios ask for by name."""

import base64
import json

from fastmcp.prompts import Message, Prompt, PromptResult
from fastmcp.resources import Resource, ResourceTemplate
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    EmbeddedResource,
    ImageContent,
    PromptReference,
    ResourceTemplateReference,
    TextResourceContents,
)

from tests.conformance.fixture_tools import PIXEL

_WORDS = ("hello", "paris", "park", "party", "world")


def static_text() -> str:
    """A text."""
    return "This is the content of the static text resource."


def static_binary() -> bytes:
    """An image."""
    return PIXEL


def watched_resource() -> str:
    """A text that nobody changes."""
    return "Nothing changes here."


def data_of(id: str) -> str:  # noqa: A002  # the suite names the parameter
    """What is known of an id."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"}, separators=(",", ":"))


def test_simple_prompt() -> PromptResult:
    """A prompt without arguments."""
    return PromptResult("This is a simple prompt for testing.")


def test_prompt_with_arguments(arg1: str, arg2: str) -> PromptResult:
    """A prompt with two arguments."""
    return PromptResult(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")


def test_prompt_with_embedded_resource(resourceUri: str) -> PromptResult:  # noqa: N803  # the suite names it
    """A prompt that holds a resource."""
    text = "Embedded resource content for testing."
    contents = TextResourceContents(uri=resourceUri, mime_type="text/plain", text=text)
    resource = EmbeddedResource(type="resource", resource=contents)
    return PromptResult([Message(resource), Message("Please process the embedded resource above.")])


def test_prompt_with_image() -> PromptResult:
    """A prompt that holds an image."""
    image = ImageContent(type="image", data=base64.b64encode(PIXEL).decode(), mime_type="image/png")
    return PromptResult([Message(image), Message("Please analyze the image above.")])


def complete(
    reference: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> Completion:
    """Complete the first argument of the prompt with arguments."""
    known = isinstance(reference, PromptReference) and reference.name == "test_prompt_with_arguments"
    values = [word for word in _WORDS if known and argument.name == "arg1" and word.startswith(argument.value)]
    return Completion(values=values, total=len(values), has_more=False)


def content_resources() -> list[Resource]:
    """Return every resource of this module."""
    return [
        Resource.from_function(static_text, "test://static-text", mime_type="text/plain"),
        Resource.from_function(static_binary, "test://static-binary", mime_type="image/png"),
        Resource.from_function(watched_resource, "test://watched-resource", mime_type="text/plain"),
    ]


def content_templates() -> list[ResourceTemplate]:
    """Return every resource template of this module."""
    return [ResourceTemplate.from_function(data_of, "test://template/{id}/data", mime_type="application/json")]


def content_prompts() -> list[Prompt]:
    """Return every prompt of this module."""
    functions = (
        test_simple_prompt,
        test_prompt_with_arguments,
        test_prompt_with_embedded_resource,
        test_prompt_with_image,
    )
    return [Prompt.from_function(function) for function in functions]

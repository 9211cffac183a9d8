"""The tools and the prompt that ask the client for something before they answer.

In 2026-07-28 they end with an `InputRequiredResult` and are called anew with the answers (SEP-2322). The first
four ask while they run, as handshake-era servers with sessions do; here they are refused with a sentence.
"""

from typing import Any

from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.prompts import Prompt, PromptResult
from fastmcp.tools import Tool
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel

from server.bounded_tools import BoundedTool
from tests.conformance.fixture_tools import declared


class _Reply(BaseModel):
    username: str
    email: str


async def test_elicitation(message: str, ctx: Context) -> str:
    """Ask the user while running, as only a server with sessions can."""
    answer = await ctx.elicit(message, response_type=_Reply)
    return f"User response: {answer.action}"


async def test_sampling(prompt: str, ctx: Context) -> str:
    """Ask the client's model while running, as only a server with sessions can."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    answer = await ctx.session.create_message([message], max_tokens=100)
    return f"LLM response: {answer.content}"


async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Ask with a form whose fields have defaults, as only a server with sessions can."""
    fields = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    return await _asked_while_running(ctx, fields)


async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Ask with a form of every kind of choice, as only a server with sessions can."""
    options = ["option1", "option2", "option3"]
    titled = [{"const": f"value{number}", "title": f"Choice {number}"} for number in (1, 2, 3)]
    fields = {
        "untitledSingle": {"type": "string", "enum": options},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": options, "enumNames": ["One", "Two", "Three"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    return await _asked_while_running(ctx, fields)


def test_input_required_result_elicitation(ctx: Context) -> str | InputRequiredResult:
    """Ask for a name, then greet."""
    name = _text(ctx, "user_name", "name")
    if name is None:
        return InputRequiredResult(input_requests={"user_name": _form("What is your name?", "name")})
    return f"Hello, {name}!"


def test_input_required_result_sampling(ctx: Context) -> str | InputRequiredResult:
    """Ask the client's model, then repeat what it said."""
    answer = (ctx.input_responses or {}).get("capital_question")
    if not isinstance(answer, CreateMessageResult):
        return InputRequiredResult(input_requests={"capital_question": _sample("What is the capital of France?", 100)})
    return f"The model said: {answer.content}"


def test_input_required_result_list_roots(ctx: Context) -> str | InputRequiredResult:
    """Ask for the client's roots, then name them."""
    answer = (ctx.input_responses or {}).get("client_roots")
    if not isinstance(answer, ListRootsResult):
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})
    return "Roots: " + ", ".join(str(root.uri) for root in answer.roots)


def test_input_required_result_request_state(ctx: Context) -> str | InputRequiredResult:
    """Ask for a confirmation and hold on to a state meanwhile."""
    return _confirmed(ctx, "state-ok")


def test_input_required_result_tampered_state(ctx: Context) -> str | InputRequiredResult:
    """Ask for a confirmation; the state that comes back must be the one that was given."""
    return _confirmed(ctx, "integrity-ok")


def test_input_required_result_multiple_inputs(ctx: Context) -> str | InputRequiredResult:
    """Ask for three things at a time."""
    answers = ctx.input_responses or {}
    if not {"user_name", "greeting", "client_roots"} <= set(answers) or ctx.request_state != "three":
        return InputRequiredResult(
            input_requests={
                "user_name": _form("What is your name?", "name"),
                "greeting": _sample("Generate a greeting", 50),
                "client_roots": ListRootsRequest(),
            },
            request_state="three",
        )
    return f"Greeted {_text(ctx, 'user_name', 'name')}."


def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
    """Ask twice, the second time knowing what was said the first time."""
    state = ctx.request_state or ""
    if state.startswith("name:"):
        color = _text(ctx, "step2", "color")
        if color is not None:
            return f"{state.removeprefix('name:')} likes {color}."
    name = _text(ctx, "step1", "name")
    if state == "asked" and name is not None:
        question = _form("Step 2: What is your favorite color?", "color")
        return InputRequiredResult(input_requests={"step2": question}, request_state=f"name:{name}")
    return InputRequiredResult(
        input_requests={"step1": _form("Step 1: What is your name?", "name")}, request_state="asked"
    )


def test_input_required_result_capabilities(ctx: Context) -> str | InputRequiredResult:
    """Ask for what the client can answer."""
    if ctx.input_responses:
        return "Answered."
    capabilities = declared(ctx)
    questions: dict[str, Any] = {}
    if capabilities.elicitation is not None:
        questions["user_name"] = _form("What is your name?", "name")
    if capabilities.sampling is not None:
        questions["greeting"] = _sample("Generate a greeting", 50)
    if not questions:
        raise ToolError("This tool has to ask; call it from a client that can elicit or sample.")
    return InputRequiredResult(input_requests=questions)


async def test_streaming_elicitation(ctx: Context) -> str | InputRequiredResult:
    """Report progress, then ask."""
    await ctx.report_progress(1, 2)
    return InputRequiredResult(input_requests={"user_name": _form("What is your name?", "name")})


def test_input_required_result_prompt(ctx: Context) -> PromptResult | InputRequiredResult:
    """Ask what the prompt is about."""
    context = _text(ctx, "user_context", "context")
    if context is None:
        return InputRequiredResult(
            input_requests={"user_context": _form("What context should the prompt use?", "context")}
        )
    return PromptResult(f"Answer in the context of {context}.")


def asking_tools() -> list[Tool]:
    """Return every tool of this module."""
    functions = (
        test_elicitation,
        test_sampling,
        test_elicitation_sep1034_defaults,
        test_elicitation_sep1330_enums,
        test_input_required_result_elicitation,
        test_input_required_result_sampling,
        test_input_required_result_list_roots,
        test_input_required_result_request_state,
        test_input_required_result_tampered_state,
        test_input_required_result_multiple_inputs,
        test_input_required_result_multi_round,
        test_input_required_result_capabilities,
        test_streaming_elicitation,
    )
    return [BoundedTool.from_function(function) for function in functions]


def asking_prompts() -> list[Prompt]:
    """Return the prompt of this module."""
    return [Prompt.from_function(test_input_required_result_prompt)]


async def _asked_while_running(ctx: Context, fields: dict[str, Any]) -> str:
    answer = await ctx.session.elicit_form("Fill in the form", {"type": "object", "properties": fields})
    return f"Elicitation completed: action={answer.action}, content={answer.content}"


def _confirmed(ctx: Context, word: str) -> str | InputRequiredResult:
    if ctx.request_state != word or "confirm" not in (ctx.input_responses or {}):
        question = _form("Please confirm", "ok", "boolean")
        return InputRequiredResult(input_requests={"confirm": question}, request_state=word)
    return f"{word}: the state came back unchanged."


def _form(message: str, name: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(text: str, tokens: int) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=tokens))


def _text(ctx: Context, question: str, name: str) -> str | None:
    """Return one field of the form that answered `question`, None when there is no such answer."""
    answer = (ctx.input_responses or {}).get(question)
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        return None
    value = (answer.content or {}).get(name)
    return value if isinstance(value, str) else None

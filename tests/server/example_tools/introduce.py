"""The tool ``introduce``: a call that asks its caller something before it answers."""

from fastmcp import Context
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult

_FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def introduce(greeting: str, context: Context) -> str | InputRequiredResult:
    """Ask for a name, and greet it."""
    answer = (context.input_responses or {}).get("name")
    if isinstance(answer, ElicitResult) and answer.content:
        return f"{greeting}, {answer.content['name']}! ({context.request_state})"
    question = ElicitRequest(params=ElicitRequestFormParams(message="Who are you?", requested_schema=_FORM))
    return InputRequiredResult(input_requests={"name": question}, request_state="asked once")

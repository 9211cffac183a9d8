"""The tools of this server.

To add one, write the module ``NAME.py`` here with a function ``NAME``, plain or async, with types and a docstring:
that is all. Agents see the docstring as the tool's description and the types as its schema; ``Args:`` in the
docstring or ``Annotated[..., Field(description=...)]`` describe parameters. A plain function runs in a thread of its
own, so it may block. A parameter of type ``fastmcp.Context`` gives progress reports.

A tool that deletes or overwrites says so: ``ANNOTATIONS = {"destructiveHint": True}`` in its module. Where the gateway
tells callers apart, such a tool is granted by its name alone.

``TIMEOUT_SECONDS = 10`` and ``MAX_CONCURRENCY = 4`` in its module bound how long a call may take and how many run at a
time, where the server's own bounds (TOOL_SECONDS, TOOL_CONCURRENCY) do not fit.

What agents should read when a call fails is raised as ``fastmcp.exceptions.ToolError``; of any other exception they
see nothing, it is in the log. Secret settings come from `server.tool_secrets.tool_secret`. Modules whose name starts
with an underscore hold what tools share.
"""

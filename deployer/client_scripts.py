"""Python programs that call the gateway: plain, with Strands Agents and with LangGraph; pure.

Each is one file that says its own dependencies, exactly, as inline script metadata (Python Packaging User Guide,
"Inline script metadata"), so that `uv run` needs no environment. Without arguments it prints the names of the tools,
with a name and a JSON object it calls that tool. Sources: README of mcp-proxy-for-aws, "Programmatic Access", for its
client and how both frameworks take it; Strands Agents' user guide, "Model Context Protocol (MCP) Tools"; the reference
of langchain-mcp-adapters for `load_mcp_tools`, of LangGraph for `ToolNode`.
"""

import json
from collections.abc import Sequence
from typing import Final

STRANDS: Final = "strands-agents==1.62.0"
LANGGRAPH: Final = ("langchain-mcp-adapters==0.3.2", "langgraph==1.2.22")
"""The versions that the programs were run with."""

_HEAD = '''\
# /// script
# requires-python = ">=3.10"
# dependencies = [{dependencies}]
# ///
"""{summary}: without arguments their names; with TOOL [JSON] it calls one."""

'''
_CONSTANTS = """\
URL = {url}
REGION = {region}
PROFILE = {profile}  # None: whatever credentials boto3 finds
"""

_PLAIN = '''\
import asyncio
import json
import sys
from collections.abc import Generator
from typing import Any

import boto3
import httpx2
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

{constants}

class Signed(httpx2.Auth):
    """Signs each request for the gateway with Signature Version 4, when it is sent."""

    requires_request_body = True

    def __init__(self, credentials: Any) -> None:
        self.credentials = credentials

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        covered = {{
            name: value
            for name, value in request.headers.items()
            if name in ("host", "content-type") or name.startswith("mcp-")
        }}
        to_sign = AWSRequest(request.method, str(request.url), data=request.content, headers=covered)
        SigV4Auth(self.credentials.get_frozen_credentials(), {service}, REGION).add_auth(to_sign)
        request.headers.update(dict(to_sign.headers.items()))
        yield request


async def main(words: list[str]) -> None:
    credentials = boto3.Session(profile_name=PROFILE, region_name=REGION).get_credentials()
    if credentials is None:
        sys.exit("There are no AWS credentials; run `aws configure` or `aws sso login`.")
    async with (
        httpx2.AsyncClient(auth=Signed(credentials), timeout=120) as http,
        Client(streamable_http_client(URL, http_client=http)) as gateway,
    ):
        if words:
            answer = await gateway.call_tool(words[0], json.loads(words[1]) if words[1:] else {{}})
            print(*(getattr(part, "text", part) for part in answer.content), sep="\\n")
            return
        cursor = None
        while True:
            page = await gateway.list_tools(cursor=cursor)
            print(*(tool.name for tool in page.tools), sep="\\n")
            cursor = page.next_cursor
            if cursor is None:
                return


asyncio.run(main(sys.argv[1:]))
'''

_STRANDS = """\
import json
import sys

from mcp_proxy_for_aws.client import aws_iam_streamablehttp_client
from strands.tools.mcp import MCPClient

{constants}
gateway = MCPClient(
    lambda: aws_iam_streamablehttp_client(
        endpoint=URL, aws_service={service}, aws_region=REGION, aws_profile=PROFILE
    )
)
# An agent takes it as it is: strands.Agent(tools=[gateway])("...").
with gateway:
    if sys.argv[1:]:
        name, arguments = sys.argv[1], json.loads(sys.argv[2]) if sys.argv[2:] else {{}}
        answer = gateway.call_tool_sync(tool_use_id="1", name=name, arguments=arguments)
        print(*(part.get("text", part) for part in answer["content"]), sep="\\n")
    else:
        page = gateway.list_tools_sync()
        print(*(tool.tool_name for tool in page), sep="\\n")
        while page.pagination_token:
            page = gateway.list_tools_sync(pagination_token=page.pagination_token)
            print(*(tool.tool_name for tool in page), sep="\\n")
"""

_LANGGRAPH = """\
import asyncio
import json
import sys

from langchain_core.messages import AIMessage
from langchain_mcp_adapters.tools import load_mcp_tools
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from mcp import ClientSession
from mcp_proxy_for_aws.client import aws_iam_streamablehttp_client

{constants}

async def main(words: list[str]) -> None:
    client = aws_iam_streamablehttp_client(
        endpoint=URL, aws_service={service}, aws_region=REGION, aws_profile=PROFILE
    )
    async with client as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        tools = await load_mcp_tools(session)
        if not words:
            print(*(tool.name for tool in tools), sep="\\n")
            return
        # An agent has a node with its model before this one, or is langchain.agents.create_agent(model, tools).
        graph = StateGraph(MessagesState)
        graph.add_node("tools", ToolNode(tools))
        graph.add_edge(START, "tools")
        call = {{"name": words[0], "args": json.loads(words[1]) if words[1:] else {{}}, "id": "1"}}
        done = await graph.compile().ainvoke({{"messages": [AIMessage("", tool_calls=[call])]}})
        print(done["messages"][-1].text)


asyncio.run(main(sys.argv[1:]))
"""


def plain(url: str, region: str, profile: str, service: str, dependencies: Sequence[str]) -> str:
    """Returns a program on boto3's signer and the MCP SDK alone; `dependencies` are pinned requirements."""
    return _filled(_PLAIN, "Tools of an MCP gateway on AWS", dependencies, url, region, profile, service)


def strands(url: str, region: str, profile: str, service: str, dependencies: Sequence[str]) -> str:
    """Returns a program on Strands Agents; `dependencies` are those beside Strands itself."""
    return _filled(
        _STRANDS, "Tools of an MCP gateway for Strands Agents", [*dependencies, STRANDS], url, region, profile, service
    )


def langgraph(url: str, region: str, profile: str, service: str, dependencies: Sequence[str]) -> str:
    """Returns a program on LangGraph; `dependencies` are those beside LangGraph and its adapters."""
    return _filled(
        _LANGGRAPH, "Tools of an MCP gateway for LangGraph", [*dependencies, *LANGGRAPH], url, region, profile, service
    )


def _filled(
    body: str, summary: str, dependencies: Sequence[str], url: str, region: str, profile: str, service: str
) -> str:
    head = _HEAD.format(dependencies=", ".join(f'"{one}"' for one in dependencies), summary=summary)
    constants = _CONSTANTS.format(
        url=_literal(url), region=_literal(region), profile=_literal(profile) if profile else None
    )
    return head + body.format(constants=constants, service=_literal(service))


def _literal(text: str) -> str:
    """Returns a Python literal with double quotes; JSON's is one for text without surrogates."""
    return json.dumps(text)

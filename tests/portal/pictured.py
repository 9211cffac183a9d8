"""A page in which every part is there, with texts that try to be more than text."""

from dataclasses import replace

from deployer.console_links import quick_create
from deployer.launching import Link, Links
from deployer.portal.facts import Facts
from deployer.portal.snapshot import Part, Snapshot
from deployer.status import Fact, Overview, TargetStatus
from deployer.verification import Row
from generator.tool_catalogue import Catalogue, Tool

URL = quick_create("aws", "us-east-1", "https://bucket.s3.us-east-1.amazonaws.com/runtime.yaml", "mcp", {"Preset": "x"})
FETCH = "https://example.org/stolen"
HOSTILE = (
    "</style><style>body{background:url(" + FETCH + ")}</style>",
    "<script>document.title='taken'</script>",
    f"<img src={FETCH} onerror=\"document.title='taken'\">",
    f"\"'><svg onload=\"fetch('{FETCH}')\">",
    f"<link rel=stylesheet href={FETCH}>",
    "--><!--<![CDATA[ ]]> &lt;b&gt; &amp; &#60;",
    "</pre></code></td></table></main></body></html>",
    "a\tb\nc `not code` {{7*7}} ${x} %s",
)


def hostile_tools() -> Catalogue:
    """Returns tools all of whose texts are hostile."""
    tools = []
    for number, text in enumerate(HOSTILE):
        schema = {
            "type": "object",
            "description": text,
            "properties": {
                text: {
                    "type": text,
                    "description": text,
                    "enum": [text],
                    "default": text,
                    "properties": {"inner": {"type": ["string", "null"], "pattern": text}},
                }
            },
            "required": [text],
        }
        tools.append(Tool(f"{number}{text}", text, schema, schema, {"readOnlyHint": True}, text))
    return Catalogue.of([*tools, Tool("echo", "Echo", {"type": "object"}, None, {"destructiveHint": True})])


def whole(facts: Facts) -> tuple[Facts, Snapshot]:
    """Returns facts with hostile tools, and a snapshot with every part and hostile texts in each."""
    text = " ".join(HOSTILE)
    fine = TargetStatus(
        "111111111111",
        "us-east-1",
        (Fact("stack", "CREATE_COMPLETE"), Fact("service", text), Fact("gateway target", "READY", text)),
    )
    broken = TargetStatus("222222222222", "eu-west-1", (Fact("stack", "UPDATE_ROLLBACK_FAILED", text),))
    rows = [
        Row("name", True, text, "", "observed"),
        Row("health", False, text, text, "called"),
        Row("tool call", None, "not tried", "", "none"),
    ]
    links = Links(
        "https://bucket.s3.us-east-1.amazonaws.com/runtime.yaml",
        (Link("111111111111", "us-east-1", text, URL, "arn:aws:iam::111111111111:user/x", text),),
        {("222222222222", "eu-west-1"): (text, "A second reason.")},
        (text,),
    )
    snapshot = Snapshot(
        Part(Overview(text, (text,), (fine, broken))),
        {"111111111111/us-east-1": "https://gateway.example.com/mcp"},
        Part(links),
        Part({"111111111111/us-east-1": rows}),
        local=True,
    )
    return replace(facts, name=text, revision=text, tools=hostile_tools(), pinned_image=True), snapshot

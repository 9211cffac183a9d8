"""Diagrams say what the templates say: nothing more, nothing less, in a form that Mermaid takes."""

import re
from collections.abc import Iterable
from xml.etree import ElementTree

import pytest

from generator import parameters as p
from generator.diagrams import architecture as a
from generator.diagrams import mermaid
from generator.diagrams.architecture import Architecture, architecture
from generator.diagrams.layers import layers, reduced
from generator.diagrams.order import order
from generator.diagrams.picture import svg
from generator.diagrams.request import messages, participants
from generator.evaluation import STACK, Deployment
from generator.stacks import template_dicts
from generator.stacks.runtime import FLATTENED_FILE, PARENT_FILE

GIVEN = {"ImageRegistryAccount": "111122223333", "ImageDigest": "sha256:" + "0" * 64}
NAMED = {"ParentDomain": "example.com", "HostedZoneId": "Z0123456789ABCDEFGHIJ"}
BASE = {parameter.name: parameter.default or "" for parameter in p.ALL} | GIVEN
FULL = {**NAMED, "Preset": "production", "ToolAccess": "log-only"}
VARIANTS = [
    {},
    NAMED,
    FULL,
    {**NAMED, "Exposure": "private"},
    {**NAMED, "ConnectGateway": "off"},
    {**NAMED, "ExistingVpcId": "vpc-0a", "ExistingPublicSubnetIds": "subnet-0a,subnet-0b", "ZoneCount": "3"},
]


def runtime(values: dict[str, str], file: str = PARENT_FILE) -> Deployment:
    """Returns the runtime under values."""
    assert values.keys() <= BASE.keys()
    return Deployment(template_dicts(), file).given({**BASE, **values})


def ways(found: Architecture) -> set[tuple[str, str]]:
    """Returns the edges of a request's way, by the kinds of their ends."""
    kinds = {node.name: node.kind for node in found.nodes}
    return {(kinds[edge.start], kinds[edge.end]) for edge in found.edges if not edge.beside}


def test_a_request_goes_from_the_agent_to_the_tasks() -> None:
    found = architecture(runtime(NAMED))
    assert ways(found) == {(a.AGENT, a.GATEWAY), (a.GATEWAY, a.LOAD_BALANCER), (a.LOAD_BALANCER, a.SERVICE)}
    groups = {node.kind: node.group for node in found.nodes if node.group}
    assert groups == {a.LOAD_BALANCER: "public", a.NAT: "public", a.SERVICE: "private"}


def test_private_exposure_stands_in_the_private_subnets_behind_a_private_endpoint() -> None:
    found = architecture(runtime({**NAMED, "Exposure": "private"}))
    balancer = found.node(a.LOAD_BALANCER)
    assert balancer is not None and balancer.group == "private"
    assert any(edge.label == "HTTPS, OAuth token, private endpoint" for edge in found.edges)


@pytest.mark.parametrize("values", [{}, {**NAMED, "ConnectGateway": "off"}])
def test_a_gateway_without_a_target_calls_nobody(values: dict[str, str]) -> None:
    assert (a.GATEWAY, a.LOAD_BALANCER) not in ways(architecture(runtime(values)))


def test_what_is_chosen_appears_and_what_is_not_does_not() -> None:
    kinds = {node.kind for node in architecture(runtime(FULL)).nodes}
    assert kinds - {node.kind for node in architecture(runtime(NAMED)).nodes} == {a.FIREWALL, a.POLICY_ENGINE}
    filtered = {edge.end for edge in architecture(runtime(FULL)).edges if edge.label == "filters"}
    assert filtered == {"Gateway", "LoadBalancer"}


@pytest.mark.parametrize("values", VARIANTS)
def test_nested_and_flattened_have_one_architecture(values: dict[str, str]) -> None:
    assert architecture(runtime(values)) == architecture(runtime(values, FLATTENED_FILE))


@pytest.mark.parametrize("values", VARIANTS)
def test_a_flowchart_declares_what_it_connects(values: dict[str, str]) -> None:
    deployment = runtime(values)
    declared_and_connected(mermaid.drawn(architecture(deployment)))
    for one in layers(deployment):
        declared_and_connected(mermaid.layer(one))


def declared_and_connected(lines: Iterable[str]) -> None:
    """Holds a flowchart against the forms that Mermaid takes."""
    first, *others = lines
    assert first == "flowchart LR"
    declared: set[str] = set()
    depth = 0
    for line in map(str.strip, others):
        if node := re.fullmatch(r'([A-Za-z][A-Za-z0-9]*)\["[^"\[\]]+"\]', line):
            assert node[1] not in declared and node[1] != "end"
            declared.add(node[1])
        elif re.fullmatch(r'subgraph [a-z]+\["[^"]+"\]', line):
            depth += 1
        elif line == "end":
            depth -= 1
        elif edge := re.fullmatch(r'(\w+) (?:-->|-\.->|==>)(?:\|"[^"|]+"\|)? (\w+)', line):
            assert {edge[1], edge[2]} <= declared
        elif members := re.fullmatch(r"class ([\w,]+) \w+", line):
            assert set(members[1].split(",")) <= declared
        else:
            assert line.startswith("classDef "), line
    assert depth == 0


@pytest.mark.parametrize("values", VARIANTS)
def test_a_picture_has_every_node_and_edge_inside_its_frame(values: dict[str, str]) -> None:
    found = architecture(runtime(values))
    root = ElementTree.fromstring(svg(found))
    space = "{http://www.w3.org/2000/svg}"
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    words = [text.text for text in root.iter(f"{space}text")]
    assert all(line in words for node in found.nodes for line in node.lines)
    assert len(root.findall(f"{space}path")) == len(found.edges)
    for box in [*root.iter(f"{space}rect"), *root.findall(f"{space}svg")]:
        x, y = float(box.attrib["x"]), float(box.attrib["y"])
        assert left <= x and x + float(box.attrib["width"]) <= left + width
        assert top <= y and y + float(box.attrib["height"]) <= top + height
    icons = [(icon.attrib["x"], icon.attrib["y"]) for icon in root.findall(f"{space}svg")]
    assert len(icons) == len(set(icons)) >= len(found.nodes)
    assert not list(root.iter(f"{space}image")), "a picture asks nothing of anybody"


def test_layers_hold_every_resource_once_and_keep_every_order() -> None:
    deployment = runtime(NAMED)
    found = layers(deployment)
    assert {one.stack for one in found} == {stack for stack in deployment.stacks if stack}
    drawn = sum(len(box.copies) or 1 for one in found for box in one.boxes)
    assert drawn == len([title for title in deployment.homes if deployment.type(title) != STACK])
    network = next(one for one in found if one.stack == "NetworkStack")
    routes = next(box for box in network.boxes if box.name == "PublicSubnetRoutes")
    assert routes.copies == ("A", "B", "C")
    assert next(box for box in network.boxes if box.name == "EcrApiEndpoint").exists is False
    assert before("Vpc", "NatGateway", set(network.waits))


def test_reduction_keeps_what_comes_before_what() -> None:
    edges = {("a", "b"), ("b", "c"), ("a", "c"), ("a", "d"), ("c", "d"), ("e", "d")}
    assert reduced(edges) == {("a", "b"), ("b", "c"), ("c", "d"), ("e", "d")}


def before(first: str, second: str, edges: set[tuple[str, str]]) -> bool:
    """Returns whether edges lead from the first to the second."""
    return any(start == first and (end == second or before(end, second, edges)) for start, end in edges)


def test_the_longest_path_leads_through_stacks_that_wait_for_each_other() -> None:
    deployment = runtime(FULL)
    path = ("CertificateStack/Certificate", "LoadBalancerStack/LoadBalancer", "ServiceStack/Service")
    found = order(deployment, path, (180, 150, 180))
    assert [step.stack for step in found.steps] == ["CertificateStack", "LoadBalancerStack", "ServiceStack"]
    thick = [line.split() for line in mermaid.stacks(found) if "==>" in line]
    assert [(one, other) for one, _, other in thick] == [
        ("CertificateStack", "LoadBalancerStack"),
        ("LoadBalancerStack", "ServiceStack"),
    ]


@pytest.mark.parametrize("values", VARIANTS)
def test_a_sequence_is_between_those_who_take_part(values: dict[str, str]) -> None:
    deployment = runtime(values)
    found = architecture(deployment)
    named = participants(found)
    told = messages(deployment, found)
    opened = 0
    for line in map(str.strip, told):
        if message := re.fullmatch(r"(\w+)-?->>(\w+): [^;#]+", line):
            assert {message[1], message[2]} <= named.keys()
        elif line == "end" or line.startswith("opt "):
            opened += 1 if line.startswith("opt ") else -1
        else:
            assert re.fullmatch(r"Note over (\w+): [^;#]+", line), line
    assert opened == 0
    assert told[0] == "Agent->>Gateway: tools/call, signed (SigV4)"


def test_a_call_in_production_meets_every_guard_in_its_order() -> None:
    deployment = runtime(FULL)
    told = " ".join(messages(deployment, architecture(deployment)))
    marks = ["SigV4", "AWS WAF", "IAM", "rate limits", "may this principal", "client credentials", "POST /mcp"]
    marks += ["requests without a token", "signature and issuer, scope, client_id", "port 3000", "once more", "result"]
    places = [told.index(mark) for mark in marks]
    assert places == sorted(places)

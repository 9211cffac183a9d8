"""The page's sections on the runtime itself: picture, cost, state, launch links, how to connect; pure."""

from collections.abc import Iterable, Mapping, Sequence
from xml.etree.ElementTree import Element

from deployer import client_configurations
from deployer.cost_tables import MEANING, assumptions, in_order, money, prices_of
from deployer.costs import Place
from deployer.launching import Link, Links
from deployer.portal import blocks
from deployer.portal.blocks import Cell, badge, code, details, note, paragraph, section, simple
from deployer.portal.facts import Facts
from deployer.portal.markup import element, picture
from deployer.portal.snapshot import Snapshot
from deployer.status import Overview, TargetStatus
from deployer.verification import Row
from generator.cost.bill import Bill
from generator.cost.bill import Row as BillRow
from generator.cost.coverage import LEFT_OUT
from generator.cost.traffic import NOTHING, Amount

CASES = ("low", "expected", "high")
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "READY", "CURRENT", "IMPORT_COMPLETE")
BAD = ("FAIL", "ROLLBACK", "OUTDATED", "UNSUCCESSFUL", "INOPERABLE")
EVIDENCE = (
    "Evidence: called — real code answered; observed — read back from a control plane; cited — AWS's documentation says"
    " so; stand-in — an imitation answered. Only the first two are results."
)


def architecture(facts: Facts) -> Element:
    """Returns the picture of the runtime, and the same in words."""
    nodes = {node.name: node for node in facts.architecture.nodes}
    place = facts.drawn
    title = f"Architecture of {facts.name} in {place.account} {place.region}"
    told = "An agent calls the gateway; the list below the picture has every node and arrow in words."
    drawn = element(
        "figure",
        {},
        element(
            "div",
            {"class": "canvas", "role": "group", "aria-label": "Picture of the architecture", "tabindex": "0"},
            picture(facts.picture, "architecture-picture", title, told),
        ),
        element("figcaption", {}, f"Drawn from the templates under the values of {place.account} {place.region}."),
    )
    rows: list[list[Cell]] = [
        [nodes[edge.start].lines[0], nodes[edge.end].lines[0], edge.label] for edge in facts.architecture.edges
    ]
    parts = [", ".join(node.lines) + (f" ({node.group} subnets)" if node.group else "") for node in nodes.values()]
    return section(
        "architecture",
        "Architecture",
        drawn,
        details(
            "The same in words",
            element("ul", {}, *(element("li", {}, part) for part in parts)),
            simple("architecture-arrows", "Who calls whom, and who gives what", ("from", "to", "how"), rows),
        ),
    )


def costs(facts: Facts) -> Element:
    """Returns what the runtime costs in a month: both presets side by side, the targets, and what it is made of."""
    found, place = facts.costs, facts.drawn
    bills = [*(bill for _, bill in found.targets), found.publishing]
    names = list(found.presets)
    components = in_order(name for bill in found.presets.values() for name in bill.components)
    head = [
        element(
            "tr",
            {},
            element("th", {"scope": "col", "rowspan": "2"}, "component"),
            *(element("th", {"scope": "colgroup", "colspan": "3", "class": "group"}, name) for name in names),
        ),
        element("tr", {}, *(element("th", {"scope": "col", "class": "number"}, case) for _ in names for case in CASES)),
    ]
    shown = [
        _amounts(name, (bill.components.get(name, NOTHING) for bill in found.presets.values())) for name in components
    ]
    whole = _amounts("Total", (bill.total for bill in found.presets.values()))
    presets = blocks.table(
        "cost-presets",
        f"US dollars a month by preset, for {place.account} {place.region} as it is configured otherwise",
        head,
        shown,
        element("tfoot", {}, whole),
    )
    targets: list[list[Cell]] = [
        [f"{one.account} {one.region}{_each(one)}", one.preset, *_cases(bill.total)] for one, bill in found.targets
    ]
    targets.append(["publishing: images, builds, templates", "", *_cases(found.publishing.total)])
    features: list[list[Cell]] = [
        [
            one.name + (f" (refused here: {one.refused})" if one.refused else ""),
            "yes" if one.chosen else "no",
            *(money(value, signed=True) for value in (one.usd.low, one.usd.expected, one.usd.high)),
        ]
        for one in found.features
    ]
    return section(
        "cost",
        "Cost",
        presets,
        simple(
            "cost-targets",
            "This configuration, US dollars a month",
            ("target", "preset", *CASES),
            targets,
            3,
            element("tfoot", {}, blocks.row(["Total", "", *_cases(found.total)], 3)),
        ),
        element(
            "ul",
            {"class": "assumed"},
            *(
                element("li", {}, *blocks.words(line))
                for line in [
                    assumptions(facts.traffic),
                    MEANING,
                    *prices_of(bills, (bill.region for bill in bills)),
                    f"Not in these figures: {'; '.join(LEFT_OUT)}.",
                ]
            ),
        ),
        details(
            "What each feature adds",
            simple("cost-features", "US dollars a month that a feature adds", ("feature", "now", *CASES), features, 3),
        ),
        details("What it is made of", _lines(found.targets[0][1], f"{place.account} {place.region}")),
    )


def _each(place: Place) -> str:
    """Says that a place which is an organizational unit stands for every account of it."""
    return "" if place.account.isdigit() else " (each account)"


def _lines(bill: Bill, where: str) -> Element:
    rows = [
        [row.component, row.note, f"{row.amount.expected:,.4g}", _price(row), *_cases(row.usd)]
        for row in bill.rows
        if row.usd.high or row.amount.high
    ]
    headings = ("component", "what", "quantity", "price", *CASES)
    return simple("cost-lines", f"The bill of {where}, US dollars a month", headings, rows, 5)


def _price(row: BillRow) -> str:
    price = row.price
    per = f"{price.item.per:,} " if price.item.per > 1 else ""
    return f"{price.usd:g} / {per}{price.item.unit}"


def _cases(amount: Amount) -> tuple[str, str, str]:
    return money(amount.low), money(amount.expected), money(amount.high)


def _amounts(name: str, amounts: Iterable[Amount]) -> Element:
    cells = [text for amount in amounts for text in _cases(amount)]
    return blocks.row([name, *cells], len(cells))


def launching(snapshot: Snapshot) -> Element:
    """Returns the links that were tried as buttons, and in place of each that would fail the reasons."""
    found = snapshot.links.found
    parts = (
        [note("No launch links on this page", snapshot.links.reasons)] if found is None else _buttons(found, snapshot)
    )
    intro = paragraph("Each link opens CloudFormation's console with the form filled in; it was tried before.", "lead")
    return section("launch", "Launch", intro, *parts)


def _buttons(found: Links, snapshot: Snapshot) -> list[Element]:
    cards = [_button(link) for link in found.links]
    cards += [
        element(
            "li",
            {"class": "card"},
            element("h3", {}, f"{account} {region}"),
            element("p", {}, badge("no link", "warn")),
            *map(paragraph, reasons),
        )
        for (account, region), reasons in found.refused.items()
    ]
    notes = [paragraph(sentence) for sentence in found.settled]
    if snapshot.local:
        notes.append(paragraph("The AWS of this machine was asked: these links lead to AWS, where none of it stands."))
    source = element("p", {"class": "fine"}, "Template: ", code(found.template_url))
    return [element("ul", {"class": "cards"}, *cards), *notes, source]


def _button(link: Link) -> Element:
    label = f"Launch in {link.account} {link.region}"
    # A link that is no address of the web could run as a script in the reader's page.
    safe = link.url.startswith("https://")
    button = element("a", {"class": "button", "href": link.url, "rel": "noreferrer"}, label) if safe else code(link.url)
    host = [element("p", {}, "Answers to ", code(link.host))] if link.host else []
    return element(
        "li",
        {"class": "card"},
        element("h3", {}, f"{link.account} {link.region}"),
        element("p", {}, button),
        *host,
        element("p", {}, blocks.evidence(link.evidence), f" {link.said}"),
    )


def status(facts: Facts, snapshot: Snapshot) -> Element:
    """Returns how every target stood, and the truth test's rows, each with its evidence class."""
    found = snapshot.status.found
    taken = f"Taken {facts.taken:%Y-%m-%d %H:%M:%S} UTC; it does not renew itself."
    parts: list[Element] = [paragraph(taken, "lead")]
    if snapshot.local:
        parts.append(note("From the AWS of this machine", ["Nothing on this page is shown on AWS itself."]))
    if found is None:
        parts.append(note("No status on this page", snapshot.status.reasons))
    elif not found.targets:
        parts.append(note("Nothing is deployed", ["The stack set has no target; `python build.py deploy` makes one."]))
    else:
        parts += _standing(found)
    parts.append(element("h3", {}, "Truth test"))
    tested = snapshot.verification.found
    parts += [note("No truth test on this page", snapshot.verification.reasons)] if tested is None else _tested(tested)
    return section("status", "Status", *parts, paragraph(EVIDENCE, "fine"))


def _standing(found: Overview) -> list[Element]:
    running = [paragraph(f"On the stack set {found.stack_set}: {one}") for one in found.running]
    rows: list[list[Cell]] = [
        [
            f"{one.account} {one.region}",
            _state(one.of("stack")),
            one.of("service") or "—",
            one.of("targets") or "—",
            _state(one.of("gateway target")) if one.of("gateway target") else "—",
            blocks.evidence("observed"),
        ]
        for one in found.targets
    ]
    headings = ("target", "stack", "service", "health", "gateway target", "evidence")
    return [
        *running,
        simple("status-targets", f"Targets of the stack set {found.stack_set}", headings, rows),
        *(
            details(f"Everything read of {one.account} {one.region}", _facts(one, number))
            for number, one in enumerate(found.targets)
        ),
    ]


def _facts(one: TargetStatus, number: int) -> Element:
    rows: list[list[Cell]] = [
        [fact.subject.strip(), _state(fact.state), fact.detail, blocks.evidence("observed")] for fact in one.facts
    ]
    caption = f"Facts of {one.account} {one.region}"
    return simple(f"status-facts-{number}", caption, ("subject", "state", "detail", "evidence"), rows)


def _state(state: str) -> Element:
    kind = "bad" if any(word in state.upper() for word in BAD) else "good" if state in GOOD else ""
    return badge(state, kind)


def _tested(found: Mapping[str, Sequence[Row]]) -> list[Element]:
    made = []
    for number, (target, rows) in enumerate(found.items()):
        cells: list[list[Cell]] = [
            [
                row.layer,
                blocks.result(row.passed),
                blocks.evidence(row.evidence),
                " ".join(filter(None, (row.detail, row.remedy))),
            ]
            for row in rows
        ]
        headings = ("layer", "result", "evidence", "detail")
        made.append(simple(f"verify-{number}", f"Truth test of {target}", headings, cells))
    return made


def connecting(facts: Facts, snapshot: Snapshot) -> Element:
    """Returns how a client calls the gateway: the gateways' addresses and the command for each client."""
    target = f" --target {facts.drawn.name}" if len(facts.targets) > 1 else ""
    gateways: list[list[Cell]] = [[name, code(url)] for name, url in sorted(snapshot.gateways.items())]
    clients: list[list[Cell]] = [
        [client.title, code(f"python build.py connect --client {client.name}{target}")]
        for client in client_configurations.CLIENTS
    ]
    return section(
        "connect",
        "Connect",
        paragraph(
            "The gateway takes requests that are signed with AWS credentials (SigV4), and no others. The command prints"
            " what makes a client sign; `--write` puts it into the client's file, `--check` tries it first."
        ),
        simple("connect-gateways", "Gateways", ("target", "URL"), gateways) if gateways else None,
        simple("connect-clients", "Clients", ("client", "command"), clients),
    )

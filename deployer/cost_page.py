"""The page on what a runtime costs, and the README's table: made from the same bills as the command's."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from deployer.cost_tables import in_order, money
from deployer.costs import FOUND_ZONE, UNCONFIGURED, UNKNOWN_ACCOUNT
from deployer.evaluating import evaluated
from generator import parameters as p
from generator.cost import items
from generator.cost import metering as m
from generator.cost.bill import Bill, Row, monthly, total
from generator.cost.coverage import LEFT_OUT
from generator.cost.features import Addition, additions
from generator.cost.operations_meters import TRACKING
from generator.cost.prices import HOME, PriceTable, held
from generator.cost.traffic import HOURS, Amount, Traffic, always
from generator.evaluation import Deployment
from generator.presets import PRESETS
from generator.stacks import template_dicts
from generator.stacks.foundation import ACCOUNT_FILE
from generator.stacks.runtime import PARENT_FILE

PUBLISHING: Final = "Publishing, once for all targets"


@dataclass(frozen=True)
class Compared:
    """A row of the original architecture's cost table, what is its part here, and why the two differ.

    Names in braces stand for what `_facts` reads from the bill.
    """

    row: str
    usd: float | None
    components: tuple[str, ...]
    why: str


ORIGINAL: Final = (
    Compared(
        "NAT Gateway",
        32,
        (m.NAT, m.ENDPOINTS),
        "{nat_hours} for 730 hours and a little data; 720 hours give the original's figure.",
    ),
    Compared(
        "Fargate Tasks (2x)",
        30,
        (m.TASKS,),
        "Two tasks of 0.25 vCPU and 0.5 GB for 730 hours at On-Demand prices; the original's figure does not follow"
        " from the sizes beside it.",
    ),
    Compared(
        "ALB",
        20,
        (m.BALANCER, m.ADDRESSES, m.TRANSFER),
        "{balancer_hours} for the hours, and capacity units by traffic. Beyond that, {addresses} for {address_count}"
        " public IPv4 addresses, which AWS bills since February 2024.",
    ),
    Compared("AgentCore Gateway", 0, (m.GATEWAY,), "The same: 0.005 for 1,000 requests, nothing without requests."),
    Compared("ECR Storage", 1, (m.IMAGES,), "{image_gb} GB of images instead of 10, once for all targets."),
    Compared(
        "CloudWatch Logs",
        5,
        (m.LOGS, m.MONITORING),
        "{log_gb} GB of the server's log, where an account's first {free_gb} GB a month are free; {alarms} alarms,"
        " {tracking} of them made by target tracking, and {metrics} metrics of the tools and the log, where the first"
        " {free_alarms} of each are free.",
    ),
    Compared("ACM Certificate", 0, (), "The same: public certificates are free."),
    Compared(
        "(none)",
        None,
        (m.ISSUER, m.FIREWALL),
        "Here no request passes without a token: Amazon Cognito bills the tokens, Secrets Manager two secrets.",
    ),
)
"""The original's table, its development configuration, and the components that answer to each row."""
ORIGINAL_TOTAL: Final = 88


@dataclass(frozen=True)
class Figures:
    """What the page shows: the bill of each preset with a domain and nothing else chosen, and of publishing."""

    presets: Mapping[str, Bill]
    publishing: Bill
    features: Mapping[str, tuple[Addition, ...]]

    @property
    def whole(self) -> Amount:
        """A runtime of the development preset and publishing."""
        return self.presets["development"].total + self.publishing.total


def figures(traffic: Traffic, prices: PriceTable) -> Figures:
    """Returns the figures of a page, in us-east-1."""
    templates = template_dicts()
    named = {**UNCONFIGURED, p.PARENT_DOMAIN.name: "example.com", p.HOSTED_ZONE_ID.name: FOUND_ZONE}
    runtime = evaluated(templates, PARENT_FILE, named, UNKNOWN_ACCOUNT, HOME)

    def priced(deployment: Deployment) -> Bill:
        return monthly(deployment, HOME, traffic, prices)

    bills, added = {}, {}
    for preset in PRESETS.rows:
        values = {**named, p.PRESET_NAME.name: preset}
        bills[preset] = priced(runtime.given(values))
        added[preset] = additions(runtime, values, priced)
    return Figures(bills, priced(evaluated(templates, ACCOUNT_FILE, {}, UNKNOWN_ACCOUNT, HOME)), added)


def block() -> str:
    """Returns the README's table."""
    found = figures(Traffic(), held())
    return f"{_presets(found)}\n\n{_assumed(Traffic())}\n[What it is made of](docs/cost.md).\n"


def page() -> str:
    """Returns the text of `docs/cost.md`."""
    prices = held()
    found = figures(Traffic(), prices)
    return f"""\
# What a runtime costs

US dollars a month in us-east-1, without taxes. `python build.py generate` makes this page out of the templates and of
the dated prices in `generator/cost/prices.toml`; `generate --check` says when it is not what they give. Your own
configuration, with its targets, is priced by `python build.py cost`, without credentials and without asking AWS.

{_assumed(Traffic())}

## The presets

{_presets(found)}

## The original's figures

The `development` preset is the original architecture's configuration. Its table was written by hand:

{_original(found)}

## What each feature adds

Everything else being as the preset has it; expected, and in brackets low to high.

{_features(found)}

In a new VPC the templates always make a NAT gateway: a private load balancer reads the issuer's public keys through it,
and tools reach the internet. Endpoints instead of it are for an existing VPC.

Any other question is `--what-if`, as often as needed, for all targets at once:

<!-- run -->
```sh
python build.py cost --what-if compute.task_size=512-1024 --what-if compute.min_tasks=3 --requests-per-day 100000
```

## What the three cases are

- **low**: not one request in the month, the fewest tasks, and Spot at its usual best;
- **expected**: the assumed traffic, spread evenly over the day, with as many tasks as the scaling's target of requests
  and the {m.CALLS_AT_A_TIME} calls at a time of a task ask for;
- **high**: three times the traffic, the most tasks all month, Spot at the On-Demand price, three times the tokens, and
  none of the free allowances, which are an account's and which others may have used.

Free allowances count once for an account: its first target has them first. Stored logs are those of a full retention.
Not in the figures: {"; ".join(LEFT_OUT)}.

## The prices

Each stands in `generator/cost/prices.toml` with its Region. With credentials, `python build.py cost --refresh` asks the
AWS Price List API for those that have a usage type in `generator/cost/items.py`, in us-east-1 and in every target's
Region, and writes the file anew. {_regions(prices)}
Where the file has no price of a Region, that of us-east-1 stands in and the command says so: how far it is off is not
known. A test holds every resource type of the templates against the meters and the list of free types in
`generator/cost/coverage.py`.

{_prices(prices)}
"""


def _assumed(traffic: Traffic) -> str:
    return (
        f"Assumed are {traffic.requests_per_day:,.0f} requests a day of {traffic.seconds:g} s and"
        f" {traffic.payload_bytes:,.0f} bytes to {traffic.tools} tools, of which the server logs"
        f" {traffic.log_bytes:,.0f}."
    )


def _presets(found: Figures) -> str:
    names = list(found.presets)
    rows = [["", *(f"{name}, {case}" for name in names for case in ("low", "expected", "high"))]]
    for component in in_order(name for bill in found.presets.values() for name in bill.components):
        amounts = [bill.components.get(component, always(0)) for bill in found.presets.values()]
        rows.append([component, *_cases(amounts)])
    rows.append(["**Total of a runtime**", *(f"**{one}**" for one in _cases(b.total for b in found.presets.values()))])
    rows.append([PUBLISHING, *_cases([found.publishing.total] * len(names))])
    return table(rows)


def _original(found: Figures) -> str:
    development = {**found.presets["development"].components, **found.publishing.components}
    facts = _facts([*found.presets["development"].rows, *found.publishing.rows])
    rows = [["Component", "original", "here", "why"]]
    for one in ORIGINAL:
        here = total(development.get(component, always(0)) for component in one.components)
        theirs = "" if one.usd is None else f"~{one.usd:g}"
        rows.append([one.row, theirs, money(here.expected), one.why.format(**facts)])
    whole = money(found.whole.expected)
    rows.append(["**Total**", f"**~{ORIGINAL_TOTAL}**", f"**{whole}**", "A runtime of `development`, and publishing."])
    return table(rows, text=(0, 3))


def _facts(rows: Iterable[Row]) -> dict[str, str]:
    """Returns what the comparison says of the bill: quantities of items, and dollars of some."""
    quantity: dict[str, float] = defaultdict(float)
    usd: dict[str, float] = defaultdict(float)
    for row in rows:
        quantity[row.price.item.name] += row.amount.expected
        usd[row.price.item.name] += row.usd.expected
        quantity[row.note] += row.amount.expected
    return {
        "nat_hours": money(usd[items.NAT_HOUR.name]),
        "balancer_hours": money(usd[items.ALB_HOUR.name]),
        "addresses": money(usd[items.IPV4_HOUR.name]),
        "address_count": f"{quantity[items.IPV4_HOUR.name] / HOURS:g}",
        "log_gb": f"{quantity[items.LOG_GB.name]:.1f}",
        "free_gb": f"{items.LOG_GB.free:g}",
        "alarms": f"{quantity[items.ALARM_METRIC.name]:g}",
        "metrics": f"{quantity[items.METRIC.name]:g}",
        "tracking": f"{quantity[TRACKING]:g}",
        "free_alarms": f"{items.ALARM_METRIC.free:g}",
        "image_gb": f"{quantity[items.IMAGE_GB.name]:.1f}",
    }


def _features(found: Figures) -> str:
    rows = [["Feature", *found.presets]]
    for column in zip(*found.features.values(), strict=True):
        rows.append([column[0].name, *(_addition(one) for one in column)])
    return table(rows)


def _addition(one: Addition) -> str:
    low, high = sorted((one.usd.low, one.usd.high))
    chosen = ", on" if one.chosen else ""
    return f"{money(one.usd.expected, True)} ({money(low, True)} to {money(high, True)}){chosen}"


def _regions(prices: PriceTable) -> str:
    """Returns of which other Regions the table holds how many prices, as a sentence."""
    held_of = Counter(price.region for price in prices if price.region != HOME)
    counts = ", ".join(f"{count} of {region}" for region, count in sorted(held_of.items()))
    return f"Besides us-east-1 it holds {counts or 'no Region'}."


def _prices(prices: PriceTable) -> str:
    rows = [["Item", "US dollars", "for", "free a month", "on", "source"]]
    for price in prices:
        if price.region == HOME:
            item = price.item
            usd = f"{price.usd:g}" if price.low is None else f"{price.low:g} to {price.high:g}, expected {price.usd:g}"
            free = f"{item.free:g}" if item.free else ""
            per = f"{item.per:,} {item.unit}" if item.per > 1 else item.unit
            rows.append([item.name, usd, per, free, price.date, price.source])
    return table(rows, text=(0, 2, 4, 5))


def _cases(amounts: Iterable[Amount]) -> list[str]:
    return [money(value) for amount in amounts for value in (amount.low, amount.expected, amount.high)]


def table(rows: list[list[str]], text: tuple[int, ...] = (0,)) -> str:
    """Returns a Markdown table of a heading and rows; the columns in `text` are words, the others numbers."""
    heading, *others = rows
    rule = ["---" if column in text else "---:" for column in range(len(heading))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heading, rule, *others])

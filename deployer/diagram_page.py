"""Diagrams of a configuration's runtime, and the page and the README's, made from the templates under their presets."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from deployer.costs import FOUND_ZONE, UNCONFIGURED, UNKNOWN_ACCOUNT, Place, places
from deployer.durations import Estimate, estimate, spoken
from deployer.errors import UsageError
from deployer.evaluating import evaluated
from deployer.replacement import fixed
from deployer.settings import Settings
from deployer.update_diff import difference
from generator import parameters as p
from generator.cost.prices import HOME
from generator.diagrams import mermaid
from generator.diagrams.architecture import architecture
from generator.diagrams.layers import layers
from generator.diagrams.order import Order, order
from generator.diagrams.picture import svg
from generator.diagrams.request import messages, participants
from generator.evaluation import Deployment
from generator.stacks import template_dicts
from generator.stacks.runtime import PARENT_FILE

NAMED: Final = {**UNCONFIGURED, p.PARENT_DOMAIN.name: "example.com", p.HOSTED_ZONE_ID.name: FOUND_ZONE}


def runtime(**values: str) -> Deployment:
    """Returns the nested runtime with a domain, under values of root parameters, in us-east-1."""
    return evaluated(template_dicts(), PARENT_FILE, {**NAMED, **values}, UNKNOWN_ACCOUNT, HOME)


KINDS: Final = ("architecture", "svg", "call", "order", "layers")
"""What can be drawn of a configuration: as Mermaid, but for `svg`, which is the architecture with AWS's icons."""


def diagram(settings: Settings, kind: str, only: str = "") -> str:
    """Returns a diagram of a configuration's first target, or of the one that `only` names as account/Region.

    Raises UsageError where there is no such target.
    """
    deployment = placed(settings, only)[1]
    if kind == "svg":
        return svg(architecture(deployment)).rstrip("\n")
    if kind == "layers":
        return "\n\n".join(f"%% {one.file}\n" + "\n".join(mermaid.layer(one)) for one in layers(deployment))
    drawn = {
        "architecture": lambda: mermaid.drawn(architecture(deployment)),
        "call": lambda: _call(deployment),
        "order": lambda: mermaid.stacks(_order(deployment)[1]),
    }
    return "\n".join(drawn[kind]())


def placed(settings: Settings, only: str = "") -> tuple[Place, Deployment]:
    """Returns a configuration's first target, or the one that `only` names as account/Region, and its runtime.

    Raises UsageError where there is no such target.
    """
    known = places(settings)
    found = [(place, values) for place, values in known.items() if only in ("", place.name)]
    if not found:
        raise UsageError(f"{only} is no target; the targets are {', '.join(sorted(place.name for place in known))}.")
    place, values = found[0]
    account = place.account if place.account.isdigit() else UNKNOWN_ACCOUNT
    return place, evaluated(template_dicts(), PARENT_FILE, values, account, place.region)


def guarded() -> Deployment:
    """Returns the production preset with a policy engine."""
    return runtime(Preset="production", ToolAccess="log-only")


def picture() -> str:
    """Returns the architecture of the development preset as SVG."""
    return svg(architecture(runtime()))


def guarded_picture() -> str:
    """Returns the architecture of the production preset with a policy engine as SVG."""
    return svg(architecture(guarded()))


def private_picture() -> str:
    """Returns the architecture of the development preset with private exposure as SVG."""
    return svg(architecture(runtime(Exposure="private")))


def block() -> str:
    """Returns the README's picture: the architecture of the development preset."""
    drawn = mermaid.fenced(mermaid.drawn(architecture(runtime())))
    return f"{drawn}\n\nMore, also with AWS's icons: [docs/diagrams.md](docs/diagrams.md).\n"


def page() -> str:
    """Returns the text of `docs/diagrams.md`."""
    production = guarded()
    whole = architecture(production)
    private = architecture(runtime(Exposure="private"))
    lasting, steps = _order(production)
    return f"""\
# Diagrams

`python build.py generate` makes these out of the templates, under the values that each says; `generate --check` says
when they are not what the templates give. An arrow of the architecture is a property in which one resource names the
other; whether something stands in a public subnet is told by its route table.

## Architecture

The `development` preset with a domain:

![The same with AWS's icons](architecture.svg)

{mermaid.fenced(mermaid.drawn(architecture(runtime())))}

The `production` preset, with a policy engine that knows who may call which tool:

![The same with AWS's icons](architecture-production.svg)

{mermaid.fenced(mermaid.drawn(whole))}

Private exposure:

![The same with AWS's icons](architecture-private.svg)

{mermaid.fenced(mermaid.drawn(private))}

## The way of a call

In `production`, with a policy engine:

{mermaid.fenced(_call(production))}

## The order of a deployment

Each nested stack waits for those before it. Thick is the longest path: the chain of resources that decides how long the
first deployment of `production` takes, {spoken(lasting.seconds)} with the times that `plan` assumes until a deployment
has recorded better ones. The resources in the boxes are that chain's, in order.

{mermaid.fenced(mermaid.stacks(steps))}

## The resources of each layer

An arrow leads from what is made first to what waits for it; what follows from other arrows is left out. Dashed boxes
are not in `development`: another setting makes them. Resources that each zone has are one box with the zones' letters.

{_layers()}"""


def _call(deployment: Deployment) -> Iterator[str]:
    found = architecture(deployment)
    return mermaid.sequence(participants(found), messages(deployment, found))


def _order(deployment: Deployment) -> tuple[Estimate, Order]:
    lasting = estimate(deployment, difference(None, deployment, partial(fixed, HOME)), {})
    return lasting, order(deployment, lasting.path, lasting.each)


def _layers() -> str:
    parts = [
        f"### {one.file.removesuffix('.yaml')}\n\n{mermaid.fenced(mermaid.layer(one))}\n" for one in layers(runtime())
    ]
    return "\n".join(parts)

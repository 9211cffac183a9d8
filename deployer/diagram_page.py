"""The page of diagrams, and the README's: made from the templates under their presets."""

from functools import partial
from typing import Final

from deployer.costs import FOUND_ZONE, UNCONFIGURED, UNKNOWN_ACCOUNT
from deployer.durations import estimate, spoken
from deployer.evaluating import evaluated
from deployer.replacement import fixed
from deployer.update_diff import difference
from generator import parameters as p
from generator.cost.prices import HOME
from generator.diagrams import mermaid
from generator.diagrams.architecture import architecture
from generator.diagrams.layers import layers
from generator.diagrams.order import order
from generator.diagrams.request import messages, participants
from generator.evaluation import Deployment
from generator.stacks import template_dicts
from generator.stacks.runtime import PARENT_FILE

NAMED: Final = {**UNCONFIGURED, p.PARENT_DOMAIN.name: "example.com", p.HOSTED_ZONE_ID.name: FOUND_ZONE}


def runtime(**values: str) -> Deployment:
    """Returns the nested runtime with a domain, under values of root parameters, in us-east-1."""
    return evaluated(template_dicts(), PARENT_FILE, {**NAMED, **values}, UNKNOWN_ACCOUNT, HOME)


def block() -> str:
    """Returns the README's picture: the architecture of the development preset."""
    picture = mermaid.fenced(mermaid.drawn(architecture(runtime())))
    return f"{picture}\n\nMore, and how they are made: [docs/diagrams.md](docs/diagrams.md).\n"


def page() -> str:
    """Returns the text of `docs/diagrams.md`."""
    production = runtime(Preset="production", ToolAccess="log-only")
    guarded = architecture(production)
    private = architecture(runtime(Exposure="private"))
    lasting = estimate(production, difference(None, production, partial(fixed, HOME)), {})
    steps = order(production, lasting.path, lasting.each)
    call = mermaid.sequence(participants(guarded), messages(production, guarded))
    return f"""\
# Diagrams

`python build.py generate` makes these out of the templates, under the values that each says; `generate --check` says
when they are not what the templates give. An arrow of the first three is a property in which one resource names the
other; whether something stands in a public subnet is told by its route table.

## Architecture

The `development` preset with a domain:

{mermaid.fenced(mermaid.drawn(architecture(runtime())))}

The `production` preset, with a policy engine that knows who may call which tool:

{mermaid.fenced(mermaid.drawn(guarded))}

Private exposure:

{mermaid.fenced(mermaid.drawn(private))}

## The way of a call

In `production`, with a policy engine:

{mermaid.fenced(call)}

## The order of a deployment

Each nested stack waits for those before it. Thick is the longest path: the chain of resources that decides how long the
first deployment of `production` takes, {spoken(lasting.seconds)} with the times that `plan` assumes until a deployment
has recorded better ones. The resources in the boxes are that chain's, in order.

{mermaid.fenced(mermaid.stacks(steps))}

## The resources of each layer

An arrow leads from what is made first to what waits for it; what follows from other arrows is left out. Dashed boxes
are not in `development`: another setting makes them. Resources that each zone has are one box with the zones' letters.

{_layers()}"""


def _layers() -> str:
    parts = [
        f"### {one.file.removesuffix('.yaml')}\n\n{mermaid.fenced(mermaid.layer(one))}\n" for one in layers(runtime())
    ]
    return "\n".join(parts)

"""What the templates say of each resource in a sentence, told with the resource's events."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployer.events import Event, Reporter, ResourceEvent
from generator.stacks import foundation, runtime


def of_runtime() -> dict[str, str]:
    """Returns the sentences about the runtime's resources by logical id, which is unique over nested templates."""
    return _sentences(runtime.nested())


def of_foundation() -> dict[str, str]:
    """Returns the sentences about the foundation's resources by logical id, the same in each of its templates."""
    return _sentences(foundation.templates())


def _sentences(templates: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {
        title: resource["Metadata"]["Description"]
        for template in templates.values()
        for title, resource in template["Resources"].items()
        if "Description" in resource.get("Metadata", {})
    }


@dataclass(frozen=True)
class Describing:
    """A reporter that gives the resources' events their sentences, by logical id, and passes all events on."""

    reporter: Reporter
    sentences: Mapping[str, str]

    def emit(self, event: Event) -> None:
        """Passes the event on."""
        if isinstance(event, ResourceEvent) and not event.description:
            event = replace(event, description=self.sentences.get(event.logical_id, ""))
        self.reporter.emit(event)

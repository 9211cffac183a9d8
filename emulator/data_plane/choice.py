"""Which program runs a task: a container of its image where one can be made, else a process of the same entry point."""

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.data_plane.images import StoredImage, require_image, stored
from emulator.data_plane.programs import Program
from emulator.data_plane.task_specs import TaskSpec


@dataclass
class Programs:
    """Chooses for each task, and remembers why the last one is no container: an empty text where it is one.

    ``containers`` returns how to run an image, or why it cannot be.
    """

    process: Program
    containers: Callable[[StoredImage], Program | str]
    reason: str = field(default="", init=False)

    def of(self, spec: TaskSpec) -> Program:
        """Return what runs the task. Raises StartRefused where its image is not in the registry."""
        image = stored(require_image(str(spec.container.get("image"))))
        chosen = image if isinstance(image, str) else self.containers(image)
        self.reason = chosen if isinstance(chosen, str) else ""
        return self.process if isinstance(chosen, str) else chosen

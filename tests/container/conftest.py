"""What the container's tests share: the image, built once from the Dockerfile as it is."""

import fcntl
from dataclasses import dataclass

import pytest

from scripts.base_image import CACHE, PROJECT_ROOT, BaseImageFailure, base_of, provide
from tests.container.podman import NoRuntime, Podman, require_tools


@dataclass(frozen=True)
class Built:
    """An image and the runtime that has it."""

    podman: Podman
    image: str


@pytest.fixture(scope="session")
def built() -> Built:
    """The image of this source. Skips where no image can be built or run: no root, no runtime, no Debian packages."""
    podman = Podman(CACHE)
    dockerfile = (PROJECT_ROOT / "Dockerfile").read_text()
    CACHE.mkdir(parents=True, exist_ok=True)
    # Files of tests that run at once build it once.
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            require_tools()
            base = base_of(dockerfile)
            provide(base, podman.command)
            podman.check_runs(base.name)
        except (NoRuntime, BaseImageFailure) as reason:
            pytest.skip(f"the image is not built and run: {reason}")
        return Built(podman, podman.build(PROJECT_ROOT, "mcp-runtime-test"))

"""The packages of npm that the tests run, from the lock beside this file."""

from pathlib import Path

from scripts import node_packages
from scripts.node_packages import NodePackages, RegistryUnreachable

__all__ = ["NodePackages", "RegistryUnreachable", "installed"]


def installed() -> NodePackages:
    """Return the packages, fetched if they are not there; raises what `scripts.node_packages.installed` raises."""
    return node_packages.installed(Path(__file__).parent)

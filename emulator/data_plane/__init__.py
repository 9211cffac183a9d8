"""The emulated data plane: server processes, HTTPS front, names, token checks and gateways."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.data_plane.plane import DataPlane

__all__ = ["DataPlane", "current", "set_current"]

_planes: "list[DataPlane]" = []


def set_current(plane: "DataPlane") -> None:
    """Make ``plane`` the one that resource handlers use: there is one in a process."""
    _planes[:] = [plane]


def current() -> "DataPlane":
    """Return the running data plane. Raises RuntimeError before one was started."""
    if not _planes:
        raise RuntimeError("the data plane is not started; start the emulator with python -m emulator")
    return _planes[0]


def __getattr__(name: str) -> Any:
    # Imported on demand: the modules that need nothing of ministack can be used, and tested, without it.
    if name == "DataPlane":
        from emulator.data_plane.plane import DataPlane

        return DataPlane
    raise AttributeError(name)

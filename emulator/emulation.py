"""Everything that runs in the emulator's process, assembled. Imported once ministack's environment is set."""

from collections.abc import Mapping

from emulator import (
    bridge,
    bridge_change_sets,
    bridge_drift,
    bridge_elbv2,
    bridge_organizations,
    bridge_s3,
    bridge_stacks,
    bridge_templates,
    catalog_launches,
    records,
    stack_set_records,
    stack_sets,
    stack_tokens,
)
from emulator.data_plane import DataPlane, set_current
from emulator.data_plane.programs import ProcessProgram
from emulator.drift import access, compute, network, watching
from emulator.process import Settings, discover
from emulator.registry_protocol import RegistryProtocol
from emulator.resources import codebuild


class Emulation:
    """ministack with our resource types and APIs, and the data plane behind them."""

    def __init__(self, settings: Settings, endpoint: str, environment: Mapping[str, str]) -> None:
        self.settings = settings
        self.application = RegistryProtocol(bridge.asgi())
        handlers, apis = discover("emulator.resources")
        bridge.install_resources(handlers)
        bridge.install_apis(apis)
        bridge.check_root_keys()
        bridge.count_as_tls()
        bridge_stacks.install()
        bridge_change_sets.install()
        bridge_templates.install()
        bridge_elbv2.install()
        bridge_organizations.install()
        bridge_s3.install()
        bridge_drift.install({**compute.READERS, **network.READERS, **watching.READERS, **access.READERS})
        stack_sets.install()
        stack_tokens.install()
        self._records = settings.state / "additions"
        process = ProcessProgram(settings.server_python, settings.server_root)
        self._plane = DataPlane(settings.state, process, endpoint, environment)
        set_current(self._plane)

    def addresses(self) -> dict[str, str]:
        """Return what clients must know: the authority's certificate and the plain gateway."""
        return {"ca": str(self._plane.authority_path), "gateway_base": self._plane.gateway_base}

    def start(self) -> None:
        """Start the data plane's own listeners."""
        self._plane.start()

    def resume(self) -> None:
        """Run what the restored records say should run."""
        records.load(self._records)
        bridge_stacks.interrupt_running()
        stack_set_records.interrupt_running()
        codebuild.interrupt_running()
        catalog_launches.interrupt_running()
        self._plane.resume()

    def stop(self) -> None:
        """Stop the data plane and write the records of the additions; ministack writes its own state."""
        self._plane.stop()
        records.save(self._records)

    def tasks(self) -> dict[str, object]:
        """Return what the running tasks are here."""
        return self._plane.tasks()

    def resolve(self, name: str) -> tuple[int, dict[str, object]]:
        """Answer name resolution: HTTP status and body."""
        return self._plane.resolve(name)

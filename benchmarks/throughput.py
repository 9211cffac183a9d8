"""Calls a second, times and memory: this server, stock FastMCP, the original's design on Node, and HTTP alone.

Usage: `python benchmarks/throughput.py [--seconds S] [--rounds N] [--output FILE]`. Each server runs on the first core,
alone, with its production settings (ours: log lines, audit, metrics, bounds), and the load generator of `load.py` on
the second. Sent are ``tools/call`` over a mix of the tools in `benchmarks/tools` (plain, validated and structured, an
answer of 10 KB), ``tools/list``, and ``initialize`` (in the modern era ``server/discover``), over 1, 8 and 64
connections; rounds alternate between the servers, and the medians of the rounds are shown. `node` is the MCP SDK for
Node with Express, stateless and with JSON answers (it speaks the handshake era alone), `bare` a uvicorn application
that answers with the very bytes of ours. Calls a second of a core: calls divided by the processor time they took.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.startup import Peer, measure, peers  # noqa: E402  # the project is not installed
from deployer.environments import ensure  # noqa: E402  # as above
from emulator.data_plane.processes import free_port  # noqa: E402  # as above

HANDSHAKE, MODERN = "2025-06-18", "2026-07-28"
CONNECTIONS = (1, 8, 64)
_META = "io.modelcontextprotocol/"
_TICK = os.sysconf("SC_CLK_TCK")
_ITEMS = [{"sku": f"ABC-{number:04}", "quantity": number, "cents": 995} for number in range(1, 6)]
_MIX = (("echo", {"message": "hello"}), ("price_order", {"items": _ITEMS}), ("report", {"subject": "foxes"}))


@dataclass(frozen=True)
class Workload:
    """What is sent: its name, its protocol version, and the requests, each with headers and a body."""

    name: str
    version: str
    requests: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Figures:
    """What one run gave: calls a second, calls a second of a core, times in milliseconds."""

    rate: float
    rate_of_core: float
    median_ms: float
    p99_ms: float


def workloads() -> list[Workload]:
    """Returns what is sent, in both eras."""
    introduction = {
        "protocolVersion": HANDSHAKE,
        "capabilities": {},
        "clientInfo": {"name": "benchmark", "version": "1"},
    }
    found = []
    for version in (HANDSHAKE, MODERN):
        calls = [("tools/call", {"name": name, "arguments": arguments}) for name, arguments in _MIX]
        hello = ("initialize", introduction) if version == HANDSHAKE else ("server/discover", {})
        for name, sent in (("tools/call", calls), ("tools/list", [("tools/list", {})]), (hello[0], [hello])):
            requests = tuple(_request(version, method, params) for method, params in sent)
            found.append(Workload(name, version, requests))
    return found


def _request(version: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": version,
    }
    if version == MODERN:
        identity = {"name": "benchmark", "version": "1"}
        meta = {f"{_META}protocolVersion": version, f"{_META}clientInfo": identity, f"{_META}clientCapabilities": {}}
        params = {**params, "_meta": meta}
        headers["Mcp-Method"] = method
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
    return {
        "headers": headers,
        "body": json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}),
    }


class Running:
    """A server that runs on the first core."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        """Take its process and the port that it answers on."""
        self._process = process
        self.port = port

    def ask(self, request: dict[str, Any]) -> bytes:
        """Returns the body of the answer to one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/mcp", request["body"], request["headers"])
            return connection.getresponse().read()
        finally:
            connection.close()

    def resident_mb(self) -> float:
        """Returns its resident memory in megabytes."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def processor_seconds(self) -> float:
        """Returns the processor time that it has taken."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def load(self, workload: Workload, connections: int, seconds: float) -> Figures:
        """Returns what it gives under load. Raises RuntimeError for a wrong answer."""
        order = {"port": self.port, "connections": connections, "seconds": seconds, "requests": workload.requests}
        before = self.processor_seconds()
        done = subprocess.run(
            [*_on_core(1), sys.executable, str(Path(__file__).with_name("load.py"))],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=True,
        )
        used = self.processor_seconds() - before
        found = json.loads(done.stdout)
        if found["wrong"] is not None:
            raise RuntimeError(f"{workload.name} was answered with {found['wrong']!r}")
        rate = found["calls"] / found["seconds"]
        return Figures(rate, found["calls"] / max(used, 1 / _TICK), found["median_ms"], found["p99_ms"])


def _on_core(core: int) -> list[str]:
    return ["taskset", "-c", str(core)]


@contextmanager
def running(peer: Peer, environment: dict[str, str]) -> Iterator[Running]:
    """Runs a peer until the end of the block."""
    port = free_port()
    variables = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(port), "LOG_LEVEL": "INFO", **environment}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*_on_core(0), *peer.command],
            cwd=peer.folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            _wait(process, port)
            yield Running(process, port)
        finally:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise RuntimeError("a server did not start")


def main() -> int:
    """Runs the comparison; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="also write the tables to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = _compare(Path(folder), options.seconds, options.rounds)
    sys.stdout.write(text)
    if options.output is not None:
        options.output.write_text(text)
    return 0


def _compare(folder: Path, seconds: float, rounds: int) -> str:
    answers = folder / "answers.json"
    bare = Peer("bare", [str(ensure("server")), str(Path(__file__).with_name("bare_asgi.py"))], ROOT)
    competitors = [*peers(), bare]
    environment = {"TOOL_PACKAGES": "benchmarks.tools", "PYTHONPATH": str(ROOT), "ANSWERS": str(answers)}
    sent = workloads()
    with running(competitors[0], environment) as ours:
        kept = {request["body"]: ours.ask(request).decode() for load in sent for request in load.requests}
    answers.write_text(json.dumps(kept))
    figures: dict[tuple[str, str, str, int], list[Figures]] = {}
    memory: dict[str, float] = {}
    for number in range(rounds):
        for peer in competitors[number % len(competitors) :] + competitors[: number % len(competitors)]:
            sys.stderr.write(f"round {number + 1}: {peer.name}\n")
            with running(peer, environment) as server:
                for load in sent:
                    if peer.name == "node" and load.version == MODERN:
                        continue
                    for connections in CONNECTIONS:
                        server.load(load, connections, min(0.3, seconds))
                        found = server.load(load, connections, seconds)
                        figures.setdefault((peer.name, load.name, load.version, connections), []).append(found)
                memory[peer.name] = max(memory.get(peer.name, 0.0), server.resident_mb())
    starts = {
        peer.name: statistics.median(measure(peer, ()).processor for _ in range(rounds)) for peer in competitors[:-1]
    }
    return _tables(sent, [peer.name for peer in competitors], figures, memory, starts)


def _tables(
    sent: Sequence[Workload],
    names: Sequence[str],
    figures: dict[tuple[str, str, str, int], list[Figures]],
    memory: dict[str, float],
    starts: dict[str, float],
) -> str:
    lines = []
    for load in sent:
        lines += [f"### {load.name}, {load.version}", ""]
        lines += ["| connections | server | calls/s | calls/s of a core | ours is | median ms | p99 ms |"]
        lines += ["|---|---|---|---|---|---|---|"]
        for connections in CONNECTIONS:
            ours = _median(figures["ours", load.name, load.version, connections])
            for name in names:
                runs = figures.get((name, load.name, load.version, connections))
                if runs is None:
                    continue
                found = _median(runs)
                lines.append(
                    f"| {connections} | {name} | {found.rate:,.0f} | {found.rate_of_core:,.0f} | "
                    f"{ours.rate_of_core / found.rate_of_core:.2f} of it | {found.median_ms:.2f} | {found.p99_ms:.2f} |"
                )
        lines.append("")
    lines += ["### Memory and start", "", "| server | resident MB after the load | start, s of a processor | ours is |"]
    lines += ["|---|---|---|---|"]
    for name in names:
        start = f"{starts[name]:.2f} | {starts['ours'] / starts[name]:.2f} of it" if name in starts else " | "
        lines.append(f"| {name} | {memory[name]:.0f} | {start} |")
    return "\n".join([*lines, ""])


def _median(runs: Sequence[Figures]) -> Figures:
    return replace(
        runs[0],
        rate=statistics.median(run.rate for run in runs),
        rate_of_core=statistics.median(run.rate_of_core for run in runs),
        median_ms=statistics.median(run.median_ms for run in runs),
        p99_ms=statistics.median(run.p99_ms for run in runs),
    )


if __name__ == "__main__":
    sys.exit(main())

"""The start of a server, from its process to its first answer of a tool: ours, a plain FastMCP server, and Node's.

Usage: `python benchmarks/startup.py [--runs N] [--cpus SHARE]`. Each run starts new processes, one after the other and
in another order each time, and calls the tool `echo` until it answers. A first round, which is not counted, lets every
interpreter keep its bytecode. `ours` runs in the server's own environment; `fastmcp` is FastMCP as it installs, with
the server of `stock_fastmcp.py`; `node` is the MCP SDK for Node with Express, as the original of this project has them,
with the server of `node_peer/`, and is left out where there is no npm. With `--cpus` (0.25 is the smallest task) a
control group limits each process, which takes root on Linux. Prints every run, the medians and their ratios.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.cpu_share import NoShare, limited  # noqa: E402  # the project is not installed
from deployer.environments import ensure  # noqa: E402  # as above
from emulator.data_plane.processes import free_port  # noqa: E402  # as above

HERE = Path(__file__).parent
NODE_FOLDER = ROOT / ".local" / "benchmarks" / "node"
GIVE_UP_SECONDS = 120.0
PROTOCOL = "2025-06-18"
"""A version that all three speak, and in which a server without sessions answers a call with nothing before it."""


@dataclass(frozen=True)
class Peer:
    """A server to start: its command, and the folder that it runs in."""

    name: str
    command: Sequence[str]
    folder: Path


@dataclass(frozen=True)
class Start:
    """What one start took, in seconds: as the clock has it, and of a processor."""

    clock: float
    processor: float


def peers() -> list[Peer]:
    """Returns the servers that can be started here, ours first. Raises `RuntimeError` where one cannot be installed."""
    found = [
        Peer("ours", [str(ensure("server")), "-m", "server"], ROOT),
        Peer("fastmcp", [sys.executable, str(HERE / "stock_fastmcp.py")], ROOT),
    ]
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        sys.stderr.write("node is left out: there is no npm.\n")
        return found
    NODE_FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "server.js"):
        shutil.copy(HERE / "node_peer" / name, NODE_FOLDER)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(install, cwd=NODE_FOLDER, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"npm could not install the peer of Node: {done.stderr.strip()}")
    return [*found, Peer("node", [node, "server.js"], NODE_FOLDER)]


def measure(peer: Peer, prefix: Sequence[str]) -> Start:
    """Returns what the start of a peer took; `prefix` is put before its command.

    Raises `RuntimeError` where it ends, or does not answer.
    """
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(port), "LOG_LEVEL": "ERROR"}
    quiet = subprocess.DEVNULL
    before = time.perf_counter()
    process = subprocess.Popen(
        [*prefix, *peer.command], cwd=peer.folder, env=environment, stdin=quiet, stdout=quiet, stderr=quiet
    )
    try:
        clock = _seconds_to_answer(peer.name, process, port, before)
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.kill()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Start(clock, used.ru_utime + used.ru_stime)


def _seconds_to_answer(name: str, process: "subprocess.Popen[bytes]", port: int, before: float) -> float:
    while not _answers(port):
        waited = time.perf_counter() - before
        if process.poll() is not None or waited > GIVE_UP_SECONDS:
            raise RuntimeError(f"{name} gave no answer within {waited:.0f} s.")
        time.sleep(0.01)
    return time.perf_counter() - before


def _answers(port: int) -> bool:
    """Calls ``echo`` once. Raises `RuntimeError` for an answer that is not the tool's."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_SECONDS)
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": PROTOCOL,
    }
    call = {"name": "echo", "arguments": {"message": "hello"}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
    try:
        connection.request("POST", "/mcp", body, headers)
        response = connection.getresponse()
        answer = response.read()
    except ConnectionError:
        return False
    finally:
        connection.close()
    if response.status != 200 or b'"hello"' not in answer:
        raise RuntimeError(f"a call was answered with {response.status}: {answer[:300]!r}")
    return True


def main() -> int:
    """Runs the comparison; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cpus", type=float, help="the share of one processor that each process may use, such as 0.25")
    options = parser.parse_args()
    try:
        competitors = peers()
        with limited(options.cpus) as prefix:
            return _compare(competitors, options.runs, prefix)
    except (NoShare, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _compare(competitors: Sequence[Peer], runs: int, prefix: Sequence[str]) -> int:
    for peer in competitors:
        measure(peer, ())
    starts: dict[str, list[Start]] = {peer.name: [] for peer in competitors}
    for run in range(runs):
        shift = run % len(competitors)
        for peer in [*competitors[shift:], *competitors[:shift]]:
            start = measure(peer, prefix)
            starts[peer.name].append(start)
            sys.stdout.write(
                f"run {run + 1}  {peer.name:8}{start.clock:7.2f} s, of a processor {start.processor:5.2f} s\n"
            )
    clocks = {name: statistics.median(start.clock for start in found) for name, found in starts.items()}
    processors = {name: statistics.median(start.processor for start in found) for name, found in starts.items()}
    for name, clock in clocks.items():
        sys.stdout.write(
            f"median {name:8}{clock:7.2f} s, of a processor {processors[name]:5.2f} s;"
            f" ours takes {clocks['ours'] / clock:.2f} of it\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

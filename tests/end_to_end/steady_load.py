"""Agents that call a tool through the load balancer, again and again, over connections that they keep."""

import http.client
import json
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

from deployer.network import LocalNetwork

PROTOCOL = "2025-06-18"


@dataclass
class Answers:
    """What the agents were answered: how often what, and by how many tasks."""

    count: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    hosts: set[str] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)


@contextmanager
def steady_load(network: LocalNetwork, host: str, token: str, agents: int) -> Iterator[Answers]:
    """Let `agents` call ``get_system_info`` at `host` until the block ends; give what they are answered."""
    answers, over = Answers(), Event()
    threads = [Thread(target=_call, args=(network, host, token, answers, over)) for _ in range(agents)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _call(network: LocalNetwork, host: str, token: str, answers: Answers, over: Event) -> None:
    found, context = network.resolve(host), network.ssl_context()
    connection = _Connection(host, found.address, found.port, context)
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_system_info", "arguments": {}}}
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": PROTOCOL,
    }
    while not over.is_set():
        try:
            connection.request("POST", "/mcp", json.dumps(call), headers)
            answer = connection.getresponse()
            body = answer.read()
            told = json.loads(body)["result"]["structuredContent"] if answer.status == http.client.OK else None
            wrong = None if told else f"{answer.status} {body[:200]!r}"
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            told, wrong = None, repr(error)
            connection.close()
        with answers.lock:
            answers.count += 1
            if wrong is not None:
                answers.wrong[wrong] += 1
            elif told is not None:
                answers.hosts.add(json.dumps(told.get("task") or told.get("hostname")))
    connection.close()


class _Connection(http.client.HTTPSConnection):
    """A connection to an address under another name."""

    def __init__(self, host: str, address: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, context=context, timeout=60)
        self._address, self._tls = address, context

    def connect(self) -> None:
        """Connect to the address; TLS is for the name."""
        plain = socket.create_connection((self._address, self.port), timeout=60)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)

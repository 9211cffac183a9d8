"""A server task's way out, as far as it needs one here: to its issuer's public keys.

On AWS the task resolves the issuer's name and goes through the NAT gateway. Here a process has no name resolution and
no trust store of its own, so its setting leads to the data plane, which asks the very URL by the emulated names and
with their certificates checked.
"""

from collections.abc import Mapping
from urllib.parse import quote, unquote

from emulator.data_plane.exchange import Reply, Request
from emulator.data_plane.outbound import Outbound, OutboundError

KEYS_SETTING = "TOKEN_KEYS_URL"
_PATH = "/egress/"


def settings(environment: Mapping[str, str], base: str) -> dict[str, str]:
    """Return what replaces the task's own settings; ``base`` is the URL of the data plane's own server."""
    url = environment.get(KEYS_SETTING, "")
    return {KEYS_SETTING: f"{base}{_PATH}{quote(url, safe='')}"} if url.startswith("https://") else {}


class Egress:
    """Answers what tasks ask of the outside."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def answer(self, request: Request) -> Reply | None:
        """Answer a request for another host's document, None when it is for something else."""
        if not request.path.startswith(_PATH):
            return None
        url = unquote(request.target.removeprefix(_PATH))
        if request.method != "GET" or not url.startswith("https://"):
            return Reply(400, b'{"message":"only https documents are read here"}', {"content-type": "application/json"})
        try:
            found = self._outbound.request("GET", url)
        except OutboundError:
            return Reply(502, b'{"message":"not reachable"}', {"content-type": "application/json"})
        return Reply(found.status_code, found.content, {"content-type": "application/json"})

"""The registry protocol for builders of this machine, and the downloads of layers.

On AWS each registry has a host name of its own. Here all share the emulator's address, so that account and Region lead
the path: `127.0.0.1:PORT/111122223333/us-east-1/repository:tag`. Like ECR's, the registry takes the user AWS with the
password of GetAuthorizationToken ("Private registry authentication", ECR user guide), and replicates what is pushed.
"""

import asyncio
import base64
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from emulator import bridge
from emulator.resources import ecr, ecr_layers

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[..., Awaitable[None]]

_PATH = re.compile(r"/v2/(?P<account>\d{12})/(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)(?P<rest>/.+)")
_MANIFEST = re.compile(r"/(?P<repository>.+)/manifests/(?P<reference>[^/]+)")


class RegistryProtocol:
    """An ASGI application around ministack's: leads what is for a registry to the right account and Region."""

    def __init__(self, inner: Asgi) -> None:
        self._inner = inner

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of the ASGI protocol."""
        path = str(scope.get("path", ""))
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
        elif path.startswith(ecr_layers.DOWNLOADS):
            query = parse_qs(scope.get("query_string", b"").decode())
            answer = await asyncio.to_thread(ecr_layers.download, path, query.get("signature", [""])[0])
            await _answer(send, *answer)
        elif path in ("/v2", "/v2/") or _PATH.fullmatch(path):
            if _signed_in(dict(scope["headers"])):
                await self._serve(scope, receive, send, _PATH.fullmatch(path))
            else:
                await _answer(send, 401, b"", {b"www-authenticate": b'Basic realm="registry",service="ecr"'})
        else:
            await self._inner(scope, receive, send)

    async def _serve(self, scope: Message, receive: Receive, send: Send, found: "re.Match[str] | None") -> None:
        if found is None:
            await _answer(send, 200, b"{}", {b"docker-distribution-api-version": b"registry/2.0"})
            return
        account, region, rest = found.group("account", "region", "rest")
        host = f"{account}.dkr.ecr.{region}.localhost".encode()
        headers = [(key, value) for key, value in scope["headers"] if key not in (b"host", b"authorization")]
        path = f"/v2{rest}"
        inner = {**scope, "path": path, "raw_path": path.encode(), "headers": [*headers, (b"host", host)]}
        put = _MANIFEST.fullmatch(rest) if scope["method"] == "PUT" else None
        body = bytearray()

        async def received() -> Message:
            message = await receive()
            if put:
                body.extend(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                if put and message["status"] == 201:
                    media_type = dict(headers).get(b"content-type", b"").decode()
                    await asyncio.to_thread(_replicate, account, region, put, bytes(body), media_type)
                message = {
                    **message,
                    "headers": [
                        (key, value.replace(b"/v2/", f"/v2/{account}/{region}/".encode(), 1))
                        if key.lower() == b"location"
                        else (key, value)
                        for key, value in message["headers"]
                    ],
                }
            await send(message)

        await self._inner(inner, received, sent)


def _replicate(account: str, region: str, put: "re.Match[str]", manifest: bytes, media_type: str) -> None:
    reference = put["reference"]
    request = {
        "repositoryName": put["repository"],
        "imageManifest": manifest.decode(),
        **({"imageManifestMediaType": media_type} if media_type else {}),
        **({} if reference.startswith("sha256:") else {"imageTag": reference}),
    }
    with bridge.scope(account, region):
        ecr.replicate(request, ecr_layers.digest_of(manifest))


def _signed_in(headers: Mapping[bytes, bytes]) -> bool:
    given = headers.get(b"authorization", b"").decode().partition("Basic ")[2]
    wanted = bridge.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    try:
        return hmac.compare_digest(base64.b64decode(given), base64.b64decode(wanted))
    except ValueError:
        return False


async def _answer(send: Send, status: int, body: bytes, headers: Mapping[bytes, bytes] | None = None) -> None:
    told = [(b"content-length", str(len(body)).encode()), *(headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})

"""The issuer's public keys: read in the background, kept, and asked for again no more often than they may be.

A request never fetches: it finds a key that is there, or waits for the one fetch that runs for everybody.
"""

import asyncio
import json
import logging
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from joserfc import jwk
from joserfc.errors import JoseError

ALGORITHMS = ("RS256", "ES256")

REFRESH_SECONDS = 300
"""How often the keys are read while all is well."""
STALE_SECONDS = 3600
"""How long keys are used that cannot be read again: as long as a token that was issued before the trouble may live."""
UNKNOWN_KEY_SECONDS = 60
"""A token that names an unknown key makes the keys be read again once in this time at most."""
RETRY_SECONDS = 5
_FETCH_SECONDS = 5
_LARGEST_ANSWER = 150 * 1024
"""The load balancer's own limit (Elastic Load Balancing user guide, listener-verify-jwt)."""
_SMALLEST_RSA_BITS = 2048

_logger = logging.getLogger("server.token_keys")


class UnknownKeyError(Exception):
    """The issuer has no such key."""


class KeysUnavailableError(Exception):
    """Whether the issuer has the key cannot be told; the message says why."""


@dataclass(frozen=True)
class TokenKey:
    """One public key and the only algorithm that it is used with."""

    key: jwk.RSAKey | jwk.ECKey
    algorithm: str


class TokenKeys:
    """The keys of one JWKS document; used from the event loop's thread only."""

    def __init__(self, url: str, fetch: Callable[[str], bytes] | None = None) -> None:
        """Take the document's URL; `fetch` reads it, in a thread of its own, and raises OSError when it cannot."""
        self._url = url
        self._fetch = fetch or _fetch
        self._keys: Mapping[str, TokenKey] = {}
        self._read_at: float | None = None
        self._asked_at: float | None = None
        self._failure = "they were not read yet"
        self._reading: asyncio.Task[None] | None = None

    @property
    def were_read(self) -> bool:
        """Whether keys were ever read."""
        return self._read_at is not None

    @property
    def usable(self) -> bool:
        """Whether tokens can be checked: keys were read, and not too long ago."""
        return self._read_at is not None and time.monotonic() - self._read_at < STALE_SECONDS

    async def keep_fresh(self) -> None:
        """Read the keys now and then again and again, until cancelled."""
        while True:
            await self._read()
            await asyncio.sleep(RETRY_SECONDS if self._failure else REFRESH_SECONDS)

    async def find(self, key_id: object) -> TokenKey:
        """Return the key of this id. Raises UnknownKeyError or KeysUnavailableError."""
        if not self.usable:
            raise KeysUnavailableError(self._failure or "they are too old")
        if isinstance(key_id, str) and key_id in self._keys:
            return self._keys[key_id]
        if isinstance(key_id, str) and self._may_ask():
            await self._read()
            if self._failure:
                raise KeysUnavailableError(self._failure)
            if key_id in self._keys:
                return self._keys[key_id]
        raise UnknownKeyError

    def _may_ask(self) -> bool:
        if self._reading is not None:
            return True
        now = time.monotonic()
        if self._asked_at is not None and now - self._asked_at < UNKNOWN_KEY_SECONDS:
            return False
        self._asked_at = now
        return True

    async def _read(self) -> None:
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_once())
            self._reading.add_done_callback(self._read_ended)
        # Whoever waits may leave; the others still wait for the same answer.
        await asyncio.shield(self._reading)

    def _read_ended(self, _: asyncio.Task[None]) -> None:
        self._reading = None

    async def _read_once(self) -> None:
        try:
            keys = _usable_keys(await asyncio.to_thread(self._fetch, self._url))
        except (OSError, ValueError, RecursionError, HTTPException) as error:
            self._failure = f"{type(error).__name__}: {error}"[:200]
            extra = {"url": self._url, "reason": self._failure}
            _logger.error("the issuer's public keys cannot be read", extra=extra)  # noqa: TRY400  # no traceback
            return
        if set(keys) != set(self._keys):
            _logger.info("the issuer's public keys were read", extra={"url": self._url, "keys": len(keys)})
        self._keys, self._read_at, self._failure = keys, time.monotonic(), ""


def _usable_keys(content: bytes) -> Mapping[str, TokenKey]:
    """Return the document's keys for signatures, by id. Raises ValueError when there are none."""
    document = json.loads(content)
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = {}
    for described in listed if isinstance(listed, list) else ():
        if isinstance(described, dict) and (key := _usable_key(described)) is not None:
            keys[described["kid"]] = key
    if not keys:
        raise ValueError(f"the document holds no key for {' or '.join(ALGORITHMS)}")
    return keys


def _usable_key(described: dict[str, Any]) -> TokenKey | None:
    if not isinstance(described.get("kid"), str) or described.get("use", "sig") != "sig":
        return None
    try:
        key = jwk.import_key(described)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, jwk.RSAKey) and key.public_key.key_size >= _SMALLEST_RSA_BITS:
        algorithm = "RS256"
    elif isinstance(key, jwk.ECKey) and key.curve_name == "P-256":
        algorithm = "ES256"
    else:
        return None
    return TokenKey(key, algorithm) if described.get("alg", algorithm) == algorithm else None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nothing: keys come from the URL that was configured."""


def _fetch(url: str) -> bytes:
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(url, timeout=_FETCH_SECONDS) as answer:
        content: bytes = answer.read(_LARGEST_ANSWER + 1)
    if len(content) > _LARGEST_ANSWER:
        raise ValueError(f"the document is larger than {_LARGEST_ANSWER} bytes")
    return content

"""Keeps the public keys of a token's issuer, fetched through a lane, and the tokens that they proved.

It decides on signatures alone: what a token's claims are worth is up to who asks.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.x509 import load_pem_x509_certificate
from pydantic import BaseModel, TypeAdapter

from lanes.errors import KeysAway, LaneError, TokenRefused
from lanes.http import HttpLane
from lanes.id_token import MAX_TOKEN, Claims, Refusal, read_token
from lanes.request import Request

_log = logging.getLogger(__name__)

_REFETCH_PAUSE = 30.0
"""Seconds before an unknown key id makes us fetch again: a forger must not drive our requests."""
_RETRY_PAUSE = 1.0
"""Seconds before keys are asked for again that could not be had, where none are known."""
_GRACE = 3600.0
"""Seconds that stale keys serve on while no new ones can be had."""
_DEFAULT_MAX_AGE = 3600.0
_CERTIFICATES = TypeAdapter(dict[str, str])
_MAX_AGE = re.compile(r"max-age=(\d+)")

Keys = Mapping[str, RSAPublicKey]
"""By key id."""


def read_certificates(body: bytes) -> Keys:
    """Google's form: a JSON object of key ids and X.509 certificates in PEM. Raises `ValueError`."""
    return {
        key_id: _checked(load_pem_x509_certificate(pem.encode()).public_key())
        for key_id, pem in _CERTIFICATES.validate_json(body).items()
    }


def read_jwks(body: bytes) -> Keys:
    """A JSON Web Key Set (RFC 7517), its RSA keys for signatures. Raises `ValueError`."""
    keys = [key for key in _KeySet.model_validate_json(body).keys if key.kty == "RSA" and key.use == "sig"]
    return {key.kid: RSAPublicNumbers(_number(key.e), _number(key.n)).public_key() for key in keys}


class IssuerKeys:
    """The issuer's keys by id, fetched once and kept as long as the issuer allows.

    While new ones cannot be had, old ones serve on for an hour, and asking is paused.
    """

    def __init__(
        self,
        url: str,
        lane: HttpLane,
        *,
        setting: str,
        read: Callable[[bytes], Keys] = read_certificates,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`setting`: the name of the variable that `url` is from, for messages."""
        self._url = url
        self._lane = lane
        self._setting = setting
        self._read = read
        self._monotonic = monotonic
        self._keys: Keys = {}
        self._stale_at = -math.inf
        self._failed: KeysAway | None = None
        self._not_before = -math.inf
        self._fetching = asyncio.Lock()

    async def of(self, key_id: str) -> RSAPublicKey | None:
        """The key of this id, after fetching them again where they are stale or lack it (the issuer rotates
        its keys); None where the issuer has no such key.

        Raises:
            KeysAway: it cannot be told, since they cannot be fetched.
        """
        if self._is_due(key_id):
            async with self._fetching:
                if self._is_due(key_id):
                    await self._fetch()
        found = self._known().get(key_id)
        if found is None and self._failed is not None:
            raise self._failed
        return found

    def _known(self) -> Keys:
        return {} if self._monotonic() >= self._stale_at + _GRACE else self._keys

    def _is_due(self, key_id: str) -> bool:
        now = self._monotonic()
        return now >= self._not_before and (now >= self._stale_at or key_id not in self._keys)

    async def _fetch(self) -> None:
        try:
            answer = await self._lane.send(Request(method="GET", url=self._url))
            if answer.status != 200:
                raise ValueError(f"it answered {answer.status}")
            keys = self._read(answer.body)
        except (LaneError, ValueError) as error:
            _log.warning("keys of tokens cannot be fetched from %s: %s", self._url, error)
            self._failed = KeysAway(f"{self._url}: {error}; check {self._setting}")
            self._not_before = self._monotonic() + (_REFETCH_PAUSE if self._known() else _RETRY_PAUSE)
            return
        now = self._monotonic()
        told = _MAX_AGE.search(answer.headers.get("cache-control", ""))
        self._keys, self._stale_at = keys, now + (float(told[1]) if told else _DEFAULT_MAX_AGE)
        self._failed, self._not_before = None, now + _REFETCH_PAUSE


@dataclass(frozen=True, slots=True)
class _Proved:
    claims: Claims
    key_id: str
    key: RSAPublicKey
    """What its signature was checked with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedStatistics:
    remembered: int
    max_remembered: int
    signatures_checked: int
    """Since the start; the rest was remembered."""


class ProvedTokens:
    """Checks signed tokens: their signature by the issuer's keys, their claims by `judge`.

    A token that was found right is remembered by its hash, so that its signature is checked once; its claims,
    which age, and whether the issuer still has its key, are looked at each time. Beyond `max_remembered`
    tokens the one remembered longest leaves.
    """

    def __init__(self, keys: IssuerKeys, judge: Callable[[Claims], None], *, max_remembered: int) -> None:
        """`judge` raises where a token with these claims is not good here."""
        self._keys = keys
        self._judge = judge
        self._max_remembered = max_remembered
        self._proved: dict[bytes, _Proved] = {}
        self._signatures_checked = 0

    async def check(self, token: str) -> Claims:
        """What it claims.

        Raises:
            TokenRefused: it is not signed by the issuer; and what `judge` raises.
            KeysAway: it cannot be told at the moment.
        """
        if len(token) > MAX_TOKEN:
            raise TokenRefused(Refusal.TOO_LARGE, f"the token has more than {MAX_TOKEN} characters")
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        known = self._proved.get(digest)
        if known is None or await self._keys.of(known.key_id) != known.key:
            known = await self._prove(token)
        self._judge(known.claims)
        self._remember(digest, known)
        return known.claims

    def statistics(self) -> ProvedStatistics:
        return ProvedStatistics(
            remembered=len(self._proved),
            max_remembered=self._max_remembered,
            signatures_checked=self._signatures_checked,
        )

    async def _prove(self, token: str) -> _Proved:
        try:
            read = read_token(token)
        except ValueError as error:
            raise TokenRefused(Refusal.MALFORMED, f"the token cannot be read: {error}") from error
        if read.algorithm != "RS256":
            raise TokenRefused(
                Refusal.ALGORITHM, f"the token is signed by {read.algorithm[:20]!r}, not RS256"
            )
        key = await self._keys.of(read.key_id)
        if key is None:
            raise TokenRefused(Refusal.UNKNOWN_KEY, f"its issuer has no key {read.key_id[:64]!r}")
        self._signatures_checked += 1
        if not read.is_signed_by(key):
            raise TokenRefused(Refusal.SIGNATURE, "the token's signature is not its issuer's")
        return _Proved(read.claims, read.key_id, key)

    def _remember(self, digest: bytes, proved: _Proved) -> None:
        if digest not in self._proved and len(self._proved) >= self._max_remembered:
            del self._proved[next(iter(self._proved))]
        self._proved[digest] = proved


class _Key(BaseModel):
    kty: str
    kid: str = ""
    use: str = "sig"
    n: str = ""
    e: str = ""


class _KeySet(BaseModel):
    keys: list[_Key]


def _checked(key: object) -> RSAPublicKey:
    if not isinstance(key, RSAPublicKey):
        raise ValueError("a certificate is not of an RSA key")  # noqa: TRY004  (it came from outside)
    return key


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))

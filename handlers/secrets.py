"""Reveals the secrets that side effects use: kept in Secret Manager, or on one machine given as they are.

What is remembered of a user or told by a setting is the name of a secret's version,
`projects/P/secrets/S/versions/V`; the secret itself is looked up where it is used and kept in memory for a
while. It is never part of a task, a log line, a trace, an error or a dead letter.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

from handlers.errors import LiteralSecret, MissingSecret, SecretsAway
from lanes import SingleFlight
from stores import SigningKey

_NAME = re.compile(r"projects/[^/\s]+/secrets/[^/\s]+/versions/[^/\s]+")


def names_secret(text: str) -> bool:
    """Whether this is the name of a secret's version, rather than a secret itself."""
    return _NAME.fullmatch(text) is not None


class Vault(Protocol):
    """Where secrets are kept."""

    async def access(self, name: str) -> str:
        """The secret of this name. Raises `MissingSecret` or `SecretsAway`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsStatistics:
    kept: int
    max_kept: int
    hits: int
    """Secrets since the start that were at hand."""
    lookups: int
    failures: int
    """Those of the lookups that brought none."""


@dataclass(frozen=True, slots=True)
class _Kept:
    value: str = field(repr=False)
    stale_at: float


class Secrets:
    """The secrets of one process. It belongs to one event loop.

    Keeps `max_kept` secrets, the ones used longest ago leave; a secret that was looked up at the same time by
    many is looked up once.
    """

    def __init__(
        self,
        vault: Vault,
        *,
        takes_literals: bool,
        max_age: float = 300.0,
        max_kept: int = 1000,
        deadline: float = 3.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            takes_literals: whether what is no name is the secret itself: on a developer's machine alone.
            max_age: seconds after which a secret is looked up again: so long a revoked one may be used.
            deadline: seconds for one lookup.
        """
        self._vault = vault
        self._takes_literals = takes_literals
        self._max_age = max_age
        self._max_kept = max_kept
        self._deadline = deadline
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._flights: SingleFlight[str] = SingleFlight(max_keys=max_kept)
        self._hits = 0
        self._lookups = 0
        self._failures = 0

    async def reveal(self, secret: str) -> str:
        """The secret that this name stands for.

        Raises:
            MissingSecret: there is no such secret, or we may not read it.
            LiteralSecret: it is no name, and literals are not taken.
            SecretsAway: it cannot be told at the moment; what asks is tried again.
        """
        if not secret.startswith("projects/"):
            if not self._takes_literals:
                raise LiteralSecret(
                    "a secret is given as it is, which is for a developer's machine alone: add it to "
                    "Secret Manager and give its name, projects/P/secrets/S/versions/V"
                )
            return secret
        if not names_secret(secret):
            raise MissingSecret(f"{secret!r} names no secret: write projects/P/secrets/S/versions/V")
        kept = self._kept.get(secret)
        if kept is not None and self._monotonic() < kept.stale_at:
            self._hits += 1
            self._kept.move_to_end(secret)
            return kept.value
        return await self._flights.run(secret, lambda: self._look_up(secret))

    async def keys(self, keys: Iterable[SigningKey], now: datetime) -> tuple[SigningKey, ...]:
        """The keys that sign at this moment, revealed; the others are not looked up. Raises as `reveal`."""
        return tuple(
            [replace(key, secret=await self.reveal(key.secret)) for key in keys if key.signs_at(now)]
        )

    def setting(self, secret: SecretStr) -> Callable[[], Awaitable[str]]:
        """Reveals a setting whenever it is called. What is no name is the secret: Cloud Run itself puts
        secrets into the environment."""

        async def revealed() -> str:
            value = secret.get_secret_value()
            return await self.reveal(value) if names_secret(value) else value

        return revealed

    def statistics(self) -> SecretsStatistics:
        return SecretsStatistics(
            kept=len(self._kept),
            max_kept=self._max_kept,
            hits=self._hits,
            lookups=self._lookups,
            failures=self._failures,
        )

    async def _look_up(self, name: str) -> str:
        self._lookups += 1
        self._kept.pop(name, None)
        try:
            async with asyncio.timeout(self._deadline) as limit:
                value = await self._vault.access(name)
        except (MissingSecret, SecretsAway):
            self._failures += 1
            raise
        except TimeoutError as error:
            if not limit.expired():
                raise
            self._failures += 1
            raise SecretsAway(f"{name}: no answer within {self._deadline:g} s") from error
        if len(self._kept) >= self._max_kept:
            self._kept.popitem(last=False)
        self._kept[name] = _Kept(value, self._monotonic() + self._max_age)
        return value

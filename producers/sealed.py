"""Seals what must come back from outside unread and unchanged, once and soon; so no instance has to keep it.

A seal is Fernet (AES-CBC with an HMAC). That it is opened once is remembered by each process for itself: what
is sealed must not be worth much twice, as an OAuth state is not, whose code its issuer takes once.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import BaseModel

from producers.errors import RequestRefused

Value = TypeVar("Value", bound=BaseModel)

MAX_OPENED = 20_000
"""Seals remembered as opened. Beyond, the one opened longest ago is forgotten before its time."""
MAX_SEALED = 16_384
"""Characters that are looked at."""


class Seals(Generic[Value]):
    """`open_once(seal(value))` gives the value back, within `ttl` seconds, and once."""

    def __init__(
        self,
        model: type[Value],
        keys: Sequence[bytes],
        *,
        ttl: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`keys`: Fernet keys, the newest first: it seals, all of them open. `clock`: Unix seconds."""
        self._model = model
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._prefix = f"{model.__name__}\n".encode()
        self._ttl = ttl
        self._clock = clock
        self._opened: dict[bytes, float] = {}

    def seal(self, value: Value) -> str:
        content = self._prefix + value.model_dump_json().encode()
        return self._fernet.encrypt_at_time(content, int(self._clock())).decode()

    def open_once(self, sealed: str) -> Value:
        """Raises `RequestRefused` (400): it is not ours, is too old, or was opened already."""
        digest = hashlib.sha256(sealed.encode(errors="surrogateescape")).digest()
        content = self._content(sealed)
        if content is None or digest in self._opened:
            raise RequestRefused(
                "the sign-in was finished already, or took too long: start again", status=400
            )
        self._remember(digest)
        return self._model.model_validate_json(content)

    @property
    def remembered(self) -> int:
        return len(self._opened)

    def _content(self, sealed: str) -> bytes | None:
        if len(sealed) > MAX_SEALED or not sealed.isascii():
            return None
        try:
            content = self._fernet.decrypt_at_time(sealed, self._ttl, int(self._clock()))
        except InvalidToken:
            return None
        return content.removeprefix(self._prefix) if content.startswith(self._prefix) else None

    def _remember(self, digest: bytes) -> None:
        now = self._clock()
        while self._opened:
            oldest = next(iter(self._opened))
            if len(self._opened) < MAX_OPENED and now - self._opened[oldest] <= self._ttl + 1:
                break
            del self._opened[oldest]
        self._opened[digest] = now

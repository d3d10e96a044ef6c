"""The dead-letter function: keeps whatever Pub/Sub or Eventarc pushes, once each; it loses nothing.

functions-framework registers at import and has no lifespan, so this one module opens what it uses
on the first request, and keeps it as long as the process lives.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import JSONResponse

from contracts import CatalogError, load_catalog
from handlers.database import open_database, open_payloads
from handlers.dead_letters.payloads import LetterPayloads
from handlers.dead_letters.reading import read_letter
from handlers.errors import CallerRefused, CertificatesAway
from handlers.identity import CERTIFICATES_LANE, Callers, Certificates
from handlers.settings import HandlerSettings
from lanes import HttpLane, in_thread
from stores import DeadLetters, StoreError

_log = logging.getLogger(__name__)

MAX_BODY = 20 * 1024 * 1024
"""Bytes of a request: more than the largest message that Pub/Sub carries (10 MB) in any form."""


_LOGGED = {"id", "type", "generation", "attempt", "queue", "reason", "died_at"}


@dataclass(frozen=True, slots=True)
class _Opened:
    callers: Callers
    letters: DeadLetters
    payloads: LetterPayloads


class DeadLetterFunction:
    """Answers 2xx once a letter is kept, and everything else makes Pub/Sub push it again."""

    def __init__(
        self,
        read_settings: Callable[[], HandlerSettings] = HandlerSettings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._read_settings = read_settings
        self._clock = clock
        self._opening = asyncio.Lock()
        self._opened: _Opened | None = None
        self._stack = AsyncExitStack()

    async def __call__(self, request: Request) -> JSONResponse:
        if request.method != "POST":
            return _reply(200, "ok")
        try:
            opened = await self._open()
            await opened.callers.check(request.headers.get("authorization"))
            body = await _read(request)
            if body is None:
                _log.error("a push of more than %d bytes was refused: no message is so large", MAX_BODY)
                return _reply(413, f"the body is over the limit of {MAX_BODY} bytes")
            letter = read_letter(request.headers, body, self._clock())
            await opened.payloads.keep(letter)
            added = await opened.letters.add(letter)
        except CallerRefused as error:
            _log.warning("a push was refused, status %d: %s", error.status, error)
            return _reply(error.status, str(error))
        except (StoreError, CertificatesAway, CatalogError) as error:
            _log.error("cannot keep a dead letter: %s", error)
            return _reply(500, str(error))
        _log.info(
            "dead letter %s: %s of %s (%s)",
            letter.id,
            letter.type,
            letter.queue,
            letter.reason,
            extra={"dead_letter": letter.model_dump(mode="json", include=_LOGGED)},
        )
        return _reply(200, "kept" if added else "known")

    async def aclose(self) -> None:
        self._opened = None
        await self._stack.aclose()

    async def _open(self) -> _Opened:
        async with self._opening:
            if self._opened is None:
                settings = self._read_settings()
                stores = await self._stack.enter_async_context(open_database(settings))
                lane = await self._stack.enter_async_context(HttpLane(CERTIFICATES_LANE))
                callers = Callers(
                    Certificates(settings.oidc_certs_url, lane),
                    audience=settings.dead_letter_url,
                    emails=frozenset({settings.dead_letter_pusher_email}),
                )
                blobs = await self._stack.enter_async_context(open_payloads(settings))
                catalog = await in_thread(load_catalog, settings.queues_file)
                self._opened = _Opened(callers, stores.dead_letters, LetterPayloads(blobs, catalog))
            return self._opened


async def _read(request: Request) -> bytes | None:
    """The body; None where it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _reply(status: int, word: str) -> JSONResponse:
    return JSONResponse({"outcome": word}, status_code=status)


_function = DeadLetterFunction()


@functions_framework.aio.http
async def dead_letter(request: Request) -> JSONResponse:
    """The function's entry point: `functions-framework --target dead_letter --asgi`."""
    return await _function(request)

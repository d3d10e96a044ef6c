"""Accepts streams of transcripts and audio: who may connect, and over which socket. It flushes nothing.

A refusal is told by the close frame: a browser cannot read the answer to a refused handshake.
"""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from lanes import KeysAway
from producers.dependencies import ACTS_FOR
from producers.errors import NotSignedIn, NotYours, TooManyRequests
from producers.pusher import Close, Pusher, Stream
from producers.rate_limit import Group, RateLimiter
from producers.users import MAX_UID, Users

router = APIRouter(prefix="/v1/users/{uid}", tags=["pusher"])


@router.websocket("/streams")
async def stream(
    socket: WebSocket,
    uid: Annotated[str, Path(min_length=1, max_length=MAX_UID)],
    sample_rate: Annotated[int, Query(ge=1000, le=192_000)] = 16_000,
) -> None:
    """One stream, until either side ends it. Its id is minted now: a client that comes back gets another."""
    await socket.accept()
    close = await _refusal(socket, uid)
    if close is None:
        pusher: Pusher = socket.app.state.pusher
        close = await Stream(
            pusher,
            _Accepted(socket),
            uid=uid,
            stream_id=secrets.token_urlsafe(16),
            sample_rate=sample_rate,
            routes=await pusher.audio_routes(uid),
        ).run()
    await _close(socket, close)


async def _refusal(socket: WebSocket, uid: str) -> Close | None:
    """Why this user may not have a stream now."""
    users: Users = socket.app.state.users
    limiter: RateLimiter = socket.app.state.rate_limiter
    pusher: Pusher = socket.app.state.pusher
    try:
        user = await users.identify(
            socket.headers.get("authorization"), acts_for=socket.headers.get(ACTS_FOR, "")
        )
        user.must_be(uid)
        if not user.is_service:
            limiter.take(Group.EVENTS, user.uid)
    except NotSignedIn:
        return Close.NOT_SIGNED_IN
    except NotYours:
        return Close.NOT_YOURS
    except TooManyRequests:
        return Close.TOO_MANY
    except KeysAway:
        return Close.CANNOT_KEEP
    return Close.TOO_MANY if len(pusher.streams) >= pusher.limits.connections else None


async def _close(socket: WebSocket, close: Close) -> None:
    if WebSocketState.DISCONNECTED in (socket.client_state, socket.application_state):
        return
    try:
        await socket.close(close.code, close.reason)
    except (OSError, WebSocketDisconnect):
        return  # the client went first


class _Accepted:
    """Starlette's socket as a stream reads it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes | None:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        audio: bytes = message.get("bytes") or b""
        return audio if text is None else text

    async def send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError) as error:  # starlette's word for a socket that is closed
            raise ConnectionError("the client is gone") from error

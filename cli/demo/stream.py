"""Tells the backend the conversations as wearables would: flushes while one is held, then the whole of it.

It speaks to the backend alone, and learns from its receipts what was accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from cli.demo.endpoints import EndpointKind
from cli.demo.errors import UnexpectedAnswer
from contracts import Conversation

SEGMENTS_PER_FLUSH = 5
CALL_DEADLINE = 15.0
"""Seconds for one call of the backend, its connection included."""


class Accepted(BaseModel):
    """The part of the backend's receipt that the demo reads."""

    model_config = ConfigDict(frozen=True)

    type: str
    identity: str
    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to the backend."""

    at: float
    """Seconds of talk after which it is made, counted from the start of its user's first conversation."""
    path: str
    body: JsonValue


def schedule(
    dealt: Iterable[tuple[EndpointKind, Conversation]], *, new_stream_id: Callable[[], str]
) -> dict[EndpointKind, tuple[Call, ...]]:
    """The calls of every user, who holds one conversation after the other."""
    calls: dict[EndpointKind, list[Call]] = {}
    for kind, conversation in dealt:
        own = calls.setdefault(kind, [])
        own += _calls(kind.uid, conversation, begun_at=own[-1].at if own else 0.0, stream_id=new_stream_id())
    return {kind: tuple(own) for kind, own in calls.items()}


class Stream:
    """Makes the calls of all users side by side, so much faster than life that it takes `seconds`."""

    def __init__(
        self,
        calls: Mapping[EndpointKind, Sequence[Call]],
        client: httpx.AsyncClient,
        *,
        backend: str,
        seconds: float,
        on_accepted: Callable[[EndpointKind, Accepted], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`backend` is its base URL; `on_accepted` hears of each receipt."""
        self._calls = calls
        self._client = client
        self._backend = backend
        self._on_accepted = on_accepted
        self._sleep = sleep
        longest = max((own[-1].at for own in calls.values()), default=0.0)
        self._pace = seconds / longest if longest else 0.0
        self._open = sum(len(own) for own in calls.values())
        self._half = self._open // 2
        self.half_told = asyncio.Event()
        """Set once half of the calls have been answered."""

    async def run(self) -> None:
        """Make every call. Raises `UnexpectedAnswer` at the first that is not accepted."""
        async with asyncio.TaskGroup() as group:
            for kind, own in self._calls.items():
                group.create_task(self._tell(kind, own))

    async def _tell(self, kind: EndpointKind, calls: Sequence[Call]) -> None:
        now = 0.0
        for call in calls:
            await self._sleep((call.at - now) * self._pace)
            now = call.at
            self._on_accepted(kind, await self._post(call))
            self._open -= 1
            if self._open <= self._half:
                self.half_told.set()

    async def _post(self, call: Call) -> Accepted:
        try:
            async with asyncio.timeout(CALL_DEADLINE):
                answer = await self._client.post(self._backend + call.path, json=call.body)
        except (TimeoutError, httpx.TransportError) as error:
            raise UnexpectedAnswer(
                f"the backend gave no answer to POST {call.path} ({error or 'time-out'})"
            ) from error
        if answer.status_code != httpx.codes.ACCEPTED:
            raise UnexpectedAnswer(
                f"the backend answered {answer.status_code} to POST {call.path}: {answer.text[:500]}"
            )
        try:
            return Accepted.model_validate_json(answer.content)
        except ValidationError as error:
            raise UnexpectedAnswer(f"the backend's receipt for POST {call.path}: {error}") from error


def _calls(uid: str, conversation: Conversation, *, begun_at: float, stream_id: str) -> Iterator[Call]:
    segments = conversation.transcript_segments
    at = begun_at
    for sequence, first in enumerate(range(0, len(segments), SEGMENTS_PER_FLUSH)):
        flushed = segments[first : first + SEGMENTS_PER_FLUSH]
        at = max(at, begun_at + flushed[-1].end)
        body: JsonValue = {
            "stream_id": stream_id,
            "sequence": sequence,
            "segments": [segment.model_dump(mode="json") for segment in flushed],
        }
        yield Call(at=at, path=f"/v1/users/{uid}/transcript-flushes", body=body)
    yield Call(at=at, path=f"/v1/users/{uid}/conversations", body=conversation.model_dump(mode="json"))

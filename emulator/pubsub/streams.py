"""Serves StreamingPull: what is due goes out as its client has room; the store alone holds messages."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

import grpc
from google.pubsub_v1 import types

from emulator.errors import ApiError
from emulator.grpc_api import StreamMethods
from emulator.pubsub.changes import Wakeups
from emulator.pubsub.leases import LEASE_BYTES, Lease, Terms, held_by_stream
from emulator.pubsub.puller import PULLED_MESSAGES, Puller, received_message
from emulator.pubsub.stream_request import StreamSettings, check_later, opened_by
from emulator.pubsub.subscriptions import Stored
from emulator.pubsub.wire import stream

MAX_STREAMS = 1000  # open at a time; Google names no figure for a subscription

Requests = AsyncIterator[types.StreamingPullRequest]
Write = Callable[[types.StreamingPullResponse], Awaitable[None]]


class PullStreams:
    """The StreamingPull calls that are open. A client that is slow or gone holds leases, and no memory."""

    def __init__(self, puller: Puller, wakeups: Wakeups) -> None:
        self._puller = puller
        self._wakeups = wakeups
        self._closing = asyncio.Event()
        self._all_ended = asyncio.Event()
        self._all_ended.set()
        self._opened = 0
        self._open = 0

    @property
    def open_streams(self) -> int:
        return self._open

    def methods(self) -> StreamMethods:
        return {"StreamingPull": stream(types.StreamingPullRequest, self.streaming_pull)}

    async def aclose(self) -> None:
        """End all streams with UNAVAILABLE; those opened from now on end at once."""
        self._closing.set()
        await self._all_ended.wait()

    async def streaming_pull(self, requests: Requests, write: Write) -> None:
        """Serve one stream until its client ends it. Raises ApiError."""
        async for first in requests:
            settings = opened_by(first)
            with self._place() as number:
                opened = _PullStream(settings, number, self._puller, self._wakeups, write)
                await self._run(opened, first, requests)
            return

    async def _run(self, opened: _PullStream, first: types.StreamingPullRequest, requests: Requests) -> None:
        """Until the requests end, delivering fails, or the emulator closes."""
        parts = [
            asyncio.create_task(opened.take(first, requests)),
            asyncio.create_task(opened.deliver()),
            asyncio.create_task(self._closing.wait()),
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
            if self._closing.is_set():
                raise _closing()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    @contextmanager
    def _place(self) -> Iterator[int]:
        """The number of a stream that may open now."""
        if self._closing.is_set():
            raise _closing()
        if self._open == MAX_STREAMS:
            raise ApiError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"The emulator has {MAX_STREAMS} StreamingPull calls open, and takes no more: "
                "close one, or open it later.",
            )
        self._opened += 1
        self._open += 1
        self._all_ended.clear()
        try:
            yield self._opened
        finally:
            self._open -= 1
            if self._open == 0:
                self._all_ended.set()


class _PullStream:
    """One open stream; `number` marks its leases on disk, so that its flow control can count them."""

    def __init__(
        self, settings: StreamSettings, number: int, puller: Puller, wakeups: Wakeups, write: Write
    ) -> None:
        self._settings = settings
        self._ack_deadline = settings.ack_deadline
        self._number = number
        self._puller = puller
        self._wakeups = wakeups
        self._write = write
        self._writing = asyncio.Lock()  # one response at a time

    async def take(self, first: types.StreamingPullRequest, requests: Requests) -> None:
        """Do what the requests ask for, until there are no more."""
        await self._take(first)
        async for request in requests:
            check_later(request)
            self._ack_deadline = request.stream_ack_deadline_seconds or self._ack_deadline
            await self._take(request)
            if self._settings.answers_keep_alives and not (
                request.ack_ids or request.modify_deadline_ack_ids
            ):
                await self._answer(types.StreamingPullResponse())

    async def deliver(self) -> None:
        """Send what is due, as far as flow control lets it, for ever."""
        name = self._settings.subscription
        with self._wakeups.listen(name) as woken:
            while True:
                woken.clear()
                lease = await self._puller.lease(name, self._terms)
                if lease.deliveries:
                    await self._answer(_response(lease))
                else:
                    await self._wakeups.wait(woken, lease.next_due)

    def _terms(self, db: sqlite3.Connection, _: Stored, now: int) -> Terms:
        settings = self._settings
        limit, size = PULLED_MESSAGES, LEASE_BYTES
        resumes_at = None
        if settings.max_messages or settings.max_bytes:
            held = held_by_stream(db, self._number, now)
            if settings.max_messages:
                limit = min(limit, settings.max_messages - held.messages)
            if settings.max_bytes:
                size = min(size, settings.max_bytes - held.size)
            if size <= 0:
                limit = 0
            resumes_at = held.first_ends_at
        return Terms(
            limit=max(0, limit),
            seconds=self._ack_deadline,
            size=size,
            stream=self._number,
            resumes_at=resumes_at,
        )

    async def _take(self, request: types.StreamingPullRequest) -> None:
        """Acknowledge and move deadlines; with exactly-once delivery the client is told what came of it."""
        name = self._settings.subscription
        response = types.StreamingPullResponse()
        if request.ack_ids:
            acknowledged = await self._puller.acknowledge(name, list(request.ack_ids))
            if acknowledged.is_exactly_once:
                response.acknowledge_confirmation = types.StreamingPullResponse.AcknowledgeConfirmation(
                    ack_ids=acknowledged.taken(request.ack_ids), invalid_ack_ids=acknowledged.invalid
                )
        if request.modify_deadline_ack_ids:
            ids = list(request.modify_deadline_ack_ids)
            ends = list(zip(ids, request.modify_deadline_seconds, strict=True))
            modified = await self._puller.modify_ack_deadline(name, ends)
            if modified.is_exactly_once:
                confirmation = types.StreamingPullResponse.ModifyAckDeadlineConfirmation(
                    ack_ids=modified.taken(ids), invalid_ack_ids=modified.invalid
                )
                response.modify_ack_deadline_confirmation = confirmation
        if response:
            await self._answer(response)

    async def _answer(self, response: types.StreamingPullResponse) -> None:
        async with self._writing:
            await self._write(response)


def _closing() -> ApiError:
    return ApiError(grpc.StatusCode.UNAVAILABLE, "The emulator is shutting down.")


def _response(lease: Lease) -> types.StreamingPullResponse:
    return types.StreamingPullResponse(
        received_messages=[received_message(lease, delivery) for delivery in lease.deliveries],
        subscription_properties={
            "exactly_once_delivery_enabled": lease.subscription.enable_exactly_once_delivery,
            "message_ordering_enabled": lease.subscription.enable_message_ordering,
        },
    )

"""The way to one Google service: a channel, and calls that end in an answer or a typed error.

Retries happen within one deadline alone; deliveries wait in their queue, never in this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import google.auth
import grpc.aio
from google.api_core import exceptions, grpc_helpers_async
from google.auth.exceptions import DefaultCredentialsError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from lanes import in_thread
from producers.errors import InvalidSettings, NotOpen, ProducerError, Refused, Unreachable

Answer = TypeVar("Answer")
Sleep = Callable[[float], Awaitable[None]]

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_CHANNEL_OPTIONS = (
    # By default a channel waits up to two minutes before it looks whether the service is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)
_BACKOFF = wait_random_exponential(multiplier=0.05, max=1.0)
_TRANSIENT = (
    exceptions.ServerError,
    exceptions.TooManyRequests,
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.RetryError,
)


class Connection:
    """A channel to one service, bound to the event loop that opened it."""

    def __init__(
        self,
        *,
        host: str,
        emulator: str | None,
        deadline: float,
        sleep: Sleep,
        missing: type[ProducerError],
    ) -> None:
        """`deadline` is in seconds and total; `missing` is raised where the service answers NOT_FOUND."""
        self._host = host
        self._emulator = emulator
        self._deadline = deadline
        self._sleep = sleep
        self._missing = missing
        self._channel: grpc.aio.Channel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def attempt_timeout(self) -> float:
        """Seconds for one try: half the deadline, so that a silent connection leaves time for another."""
        return self._deadline / 2

    async def open(self) -> grpc.aio.Channel:
        """Open the channel; connecting itself happens with the first call. Raises `InvalidSettings`."""
        if self._emulator:
            channel = grpc.aio.insecure_channel(self._emulator, options=_CHANNEL_OPTIONS)
        else:
            try:
                credentials, _ = await in_thread(google.auth.default, scopes=_SCOPES)
            except DefaultCredentialsError as error:
                raise InvalidSettings(
                    f"no Google credentials for {self._host}: set CLOUD_TASKS_EMULATOR_HOST and "
                    "PUBSUB_EMULATOR_HOST to use the emulator, or log in with "
                    "`gcloud auth application-default login`"
                ) from error
            channel = grpc_helpers_async.create_channel(
                self._host, credentials=credentials, options=_CHANNEL_OPTIONS
            )
        self._channel, self._loop = channel, asyncio.get_running_loop()
        return channel

    async def aclose(self) -> None:
        """Refuse new calls, wait for those under way within their deadline, close the channel."""
        channel, self._channel, self._loop = self._channel, None, None
        if channel is not None:
            await channel.close(grace=self._deadline)

    async def call(self, what: str, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """Try until the service answers; `what` says in errors what was tried, as "create task …".

        Raises:
            NotOpen: not opened, closed, or opened by another event loop.
            Unreachable: no answer within the deadline.
            Refused: the service said no; `missing` where it was NOT_FOUND.
        """
        failed: list[BaseException] = []
        try:
            async with asyncio.timeout(self._deadline):
                try:
                    return await self._bound(attempt)
                except exceptions.GoogleAPIError as error:
                    if not is_transient(error):
                        raise
                    return await self._again(attempt, error, failed)
        except TimeoutError as error:
            tries = f"{len(failed)} tries failed, the last with: {failed[-1]}" if failed else "one try hangs"
            raise Unreachable(
                f"{what}: no answer from {self._emulator or self._host} within {self._deadline:g} s "
                f"({tries}); it is safe to try again"
            ) from (failed[-1] if failed else error)
        except exceptions.GoogleAPIError as error:
            raise translated(error, what, self._missing) from error

    async def _bound(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        if self._loop is not asyncio.get_running_loop():
            raise NotOpen
        return await attempt()

    async def _again(
        self, attempt: Callable[[], Awaitable[Answer]], first: Exception, failed: list[BaseException]
    ) -> Answer:
        """Retry after the failure of a first try, until the deadline; notes every failure in `failed`.

        The first try is not tenacity's, whose bookkeeping would cost every call a third more CPU.
        """

        def note(state: RetryCallState) -> None:
            if state.outcome and (error := state.outcome.exception()):
                failed.append(error)

        async for retry in AsyncRetrying(
            retry=retry_if_exception(is_transient),
            wait=_BACKOFF,
            sleep=self._sleep,
            before_sleep=note,
            reraise=True,
        ):
            with retry:
                if retry.retry_state.attempt_number == 1:
                    raise first
                return await self._bound(attempt)
        raise first


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed a moment later."""
    return isinstance(error, _TRANSIENT) and not isinstance(error, exceptions.MethodNotImplemented)


def translated(error: Exception, what: str, missing: type[ProducerError]) -> ProducerError:
    """The one place where an error of `google.api_core.exceptions` becomes one of ours."""
    if is_transient(error):
        return Unreachable(f"{what}: {error}; it is safe to try again")
    if isinstance(error, exceptions.NotFound):
        return missing(
            f"{what}: {error.message} (Terraform, or locally the emulator, creates what the catalog names)"
        )
    return Refused(f"{what}: {error}")

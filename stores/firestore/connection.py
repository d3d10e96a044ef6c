"""The way to one Firestore database: a channel, and calls that end in an answer or a `StoreError`.

Retries happen within one deadline alone. What is said to Firestore is not decided here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import google.auth
import grpc.aio
from google.api_core import exceptions, grpc_helpers_async
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore import AsyncClient
from google.cloud.firestore_v1.services.firestore import FirestoreAsyncClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcAsyncIOTransport
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from lanes import in_thread
from stores.errors import StoreClosed, StoreUnavailable

Answer = TypeVar("Answer")
Attempt = Callable[[float], Awaitable[Answer]]
Sleep = Callable[[float], Awaitable[None]]

HOST = "firestore.googleapis.com"
DEADLINE = 4.0
"""Seconds for one call with all its retries: less than a claim has, so that the store tells why."""
QUERY_DEADLINE = 30.0
"""The same for a query, whose page may be megabytes; no attempt waits for one."""
MAX_CALLS = 1000
"""Calls under way; more wait for their turn within their own deadline."""

_SCOPES = ("https://www.googleapis.com/auth/datastore",)
_CHANNEL_OPTIONS = (
    # By default a channel waits up to two minutes before it looks whether the service is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)
_BACKOFF = wait_random_exponential(multiplier=0.02, max=1.0)
_TRANSIENT = (
    exceptions.ServerError,
    exceptions.TooManyRequests,
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.RetryError,
)


class Contended(Exception):
    """Somebody else changed the document between our reading and our writing: read it again."""


@dataclass(frozen=True, slots=True)
class Statistics:
    calls: int
    pending: int
    contended: int
    """Tries that lost against another writer of the same document."""
    failed: int
    """Tries that failed and may have been tried again."""


class Connection:
    """A channel to one database, bound to the event loop that opened it."""

    def __init__(
        self,
        *,
        project: str,
        database: str,
        emulator: str | None = None,
        deadline: float = DEADLINE,
        query_deadline: float = QUERY_DEADLINE,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`emulator` is HOST:PORT of Google's Firestore emulator; deadlines are in seconds and total."""
        self._project = project
        self._database = database
        self._emulator = emulator
        self._deadline = deadline
        self._query_deadline = query_deadline
        self._sleep = sleep
        self._slots = asyncio.Semaphore(MAX_CALLS)
        self._channel: grpc.aio.Channel | None = None
        self._calls = self._pending = self._contended = self._failed = 0

    async def open(self) -> AsyncClient:
        """Open the channel; connecting itself happens with the first call. Raises `StoreUnavailable`."""
        if self._emulator:
            channel = grpc.aio.insecure_channel(self._emulator, options=_CHANNEL_OPTIONS)
        else:
            try:
                credentials, _ = await in_thread(google.auth.default, scopes=_SCOPES)
            except GoogleAuthError as error:
                raise StoreUnavailable(
                    f"no Google credentials for {HOST} ({error}): log in with `gcloud auth "
                    "application-default login`, or set FIRESTORE_EMULATOR_HOST to use the emulator"
                ) from error
            channel = grpc_helpers_async.create_channel(
                HOST, credentials=credentials, options=_CHANNEL_OPTIONS
            )
        self._channel = channel
        return _Client(self._project, self._database, channel, emulator=self._emulator)

    async def aclose(self) -> None:
        """Refuse new calls, wait for those under way as long as a change may take, close the channel."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(grace=self._deadline)

    async def call(self, what: str, attempt: Attempt[Answer], *, is_query: bool = False) -> Answer:
        """Try until Firestore answers.

        Args:
            what: in errors, what was tried, as "read sidelane_ledger".
            attempt: makes its requests within this many seconds each: half the deadline, so that a silent
                connection leaves time for another.

        Raises:
            StoreClosed: not opened, or closed.
            StoreUnavailable: no answer within the deadline, or Firestore said no.
        """
        deadline = self._query_deadline if is_query else self._deadline
        last: list[BaseException] = []

        def note(state: RetryCallState) -> None:
            if state.outcome and (error := state.outcome.exception()):
                last[:] = [error]

        retrying = AsyncRetrying(
            retry=retry_if_exception(is_transient),
            wait=_BACKOFF,
            sleep=self._sleep,
            before_sleep=note,
            reraise=True,
        )
        self._pending += 1
        try:
            async with asyncio.timeout(deadline), self._slots:
                return await retrying(self._counted, attempt, deadline / 2)
        except TimeoutError as error:
            why = f"the last try: {last[0] or type(last[0]).__name__}" if last else "the first try hangs"
            raise StoreUnavailable(
                f"{what}: no answer from {self._emulator or HOST} within {deadline:g} s ({why}); try again"
            ) from (last[0] if last else error)
        except (exceptions.GoogleAPIError, GoogleAuthError) as error:
            raise translated(error, what, self._database) from error
        finally:
            self._pending -= 1

    def statistics(self) -> Statistics:
        return Statistics(self._calls, self._pending, self._contended, self._failed)

    async def _counted(self, attempt: Attempt[Answer], timeout: float) -> Answer:
        if self._channel is None:
            raise StoreClosed("Firestore is not open: await open() first")
        self._calls += 1
        try:
            return await attempt(timeout)
        except Contended:
            self._contended += 1
            raise
        except (exceptions.GoogleAPIError, GoogleAuthError):
            self._failed += 1
            raise


class _Client(AsyncClient):
    """Google's client on a channel of ours: its own takes minutes to look again for a service that was away,
    and knows the emulator by the environment alone."""

    def __init__(
        self, project: str, database: str, channel: grpc.aio.Channel, *, emulator: str | None
    ) -> None:
        # The channel has the credentials.
        super().__init__(project=project, database=database, credentials=AnonymousCredentials())
        self._emulator_host = emulator
        self._firestore_api_internal = FirestoreAsyncClient(
            transport=FirestoreGrpcAsyncIOTransport(channel=channel)
        )


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed a moment later."""
    if isinstance(error, exceptions.MethodNotImplemented):
        return False
    return isinstance(error, (*_TRANSIENT, Contended))


def translated(error: Exception, what: str, database: str) -> StoreUnavailable:
    """The one place where an error of Google's libraries becomes one of ours."""
    remedy = "try again"
    if isinstance(error, exceptions.NotFound):
        remedy = f"Terraform creates the database {database}"
    elif isinstance(error, exceptions.FailedPrecondition):
        remedy = "Terraform creates the indexes of stores/firestore/indexes.json"
    elif isinstance(error, exceptions.PermissionDenied):
        remedy = "the service's account needs roles/datastore.user"
    return StoreUnavailable(f"{what}: {error}; {remedy}")

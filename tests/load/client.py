"""Asks the app under test over HTTP and a WebSocket; what gets no answer in time is an answer of status 0."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import nan

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from lanes import Failed, fan_out_collect

HANG = 20.0
"""Seconds after which something hangs: a bound, not a measure; what works takes a hundredth of it."""
UNTIL_RELEASED = 3600.0
"""Seconds that a request may take which is meant to be held: as long as the test lasts."""
_AT_A_TIME = 8
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Seen:
    """How one request ended. `error` is the typed error's name, empty where all went well."""

    status: int
    error: str

    @property
    def is_good(self) -> bool:
        return self.status == 200

    def __str__(self) -> str:
        return f"{self.status} {self.error}".strip() if self.status else self.error


NO_ANSWER = Seen(0, "no answer")


class Metrics:
    """One reading of `/metrics`; of a process that did not answer, every number is nan."""

    def __init__(self, text: str | None) -> None:
        self._samples = (
            None
            if text is None
            else [
                (sample.name, sample.labels, sample.value)
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            ]
        )

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name whose labels are these, among others."""
        if self._samples is None:
            return nan
        return sum(
            value
            for found, found_labels, value in self._samples
            if found == name and labels.items() <= found_labels.items()
        )


class Client:
    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: str,
        echo: aiohttp.ClientWebSocketResponse,
        hang: float,
    ) -> None:
        self.hang = hang
        self._session = session
        self._base = base
        self._echo = echo

    async def ask(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        within: float | None = None,
        method: str = "GET",
    ) -> Seen:
        try:
            async with (
                asyncio.timeout(within or self.hang),
                self._session.request(method, self._base + path, params=params) as answer,
            ):
                body = await answer.json() if answer.content_type == "application/json" else None
        except TimeoutError:
            return NO_ANSWER
        except (aiohttp.ClientError, ConnectionError) as error:
            return Seen(0, type(error).__name__)
        said = body.get("error") if isinstance(body, dict) else None
        return Seen(answer.status, said or "")

    async def ask_many(self, count: int, path: str, params: Mapping[str, str] | None = None) -> list[Seen]:
        """So many, a few at a time, for as long as one alone may take."""

        async def ask(_: int) -> Seen:
            return await self.ask(path, params)

        ends = await fan_out_collect(ask, range(count), limit=_AT_A_TIME, deadline=self.hang)
        return [NO_ANSWER if isinstance(end, Failed) else end.result for end in ends]

    async def ended(self, requests: Sequence[asyncio.Task[Seen]]) -> list[Seen]:
        """How these ended, that nothing holds any more."""
        ended, hanging = await asyncio.wait(requests, timeout=self.hang)
        for request in hanging:
            request.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        return [request.result() if request in ended else NO_ANSWER for request in requests]

    async def ping(self) -> bool:
        """Whether the WebSocket that was opened long ago still answers."""
        try:
            async with asyncio.timeout(self.hang):
                await self._echo.send_str("ping")
                return await self._echo.receive_str() == "ping"
        except (TimeoutError, TypeError):  # TypeError: it was closed
            return False

    async def metrics(self, *, within: float | None = None) -> Metrics:
        try:
            async with (
                asyncio.timeout(within or self.hang),
                self._session.get(f"{self._base}/metrics") as answer,
            ):
                return Metrics(await answer.text())
        except (TimeoutError, aiohttp.ClientError):
            return Metrics(None)

    async def until(self, check: Callable[[], Awaitable[bool]]) -> bool:
        """Whether it came true in time."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self.hang
        while not await check():
            if loop.time() >= ends_at:
                return False
            await asyncio.sleep(_POLL)
        return True


@asynccontextmanager
async def client(port: int, *, hang: float = HANG) -> AsyncIterator[Client]:
    """With a WebSocket open from the start. `hang`: seconds that it waits for anything."""
    base = f"http://127.0.0.1:{port}"
    unbounded = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=unbounded, timeout=aiohttp.ClientTimeout(total=None)
    ) as session:
        async with asyncio.timeout(HANG):
            echo = await session.ws_connect(f"{base}/echo")
        try:
            yield Client(session, base, echo, hang)
        finally:
            await session.close()

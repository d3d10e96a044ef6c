"""A running emulator to fuzz: resources of each kind, time of its own, a target, and what goes wrong noted.

Whatever URLs tasks and subscriptions name, requests go to the target on this machine.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import httpx

from emulator import Emulator, EmulatorSettings, VirtualClock
from emulator.engine.exchange import End, HttpRequest
from emulator.http_sender import HttpSender
from emulator.tasks import TasksSettings
from tests.emulator.fuzz.messages import BEGAN
from tests.emulator.fuzz.resources import make_resources
from tests.emulator.receiver import Receiver, receiving

_AUTHORITY = re.compile(r"^https?://[^/?#\\]*", re.IGNORECASE)
_PATIENCE = 0.05
"""Seconds in which a call ends that waits for nothing; after that it gets time by the clock."""
_TURNS = 200
_ANSWERS = [200, 200, 204, 301, 404, 429, 500, 503]
"""Of the target under fire; later it answers 200."""
_SHOWN = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Violation:
    """`what` went wrong at `case`, which is worded so that it can be sent again."""

    what: str
    case: str


@dataclass(slots=True)
class Findings:
    """What a fuzz did: `ends` counts cases by call and status."""

    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    def told(self) -> str:
        """A sentence. Raises AssertionError where something was violated, with the first of each kind."""
        first: dict[str, Violation] = {}
        for violation in self.violations:
            first.setdefault(violation.what[:200], violation)
        shown = "\n".join(f"- {each.what}\n  {each.case[:2000]}" for each in list(first.values())[:_SHOWN])
        assert not self.violations, f"{len(self.violations)} violations, {len(first)} kinds:\n{shown}"
        fine = sum(count for (_, end), count in self.ends.items() if end in ("OK", "200"))
        return f"{self.ends.total()} cases, {fine} of them OK, no violation"


class Ground:
    """The emulator under fire. `findings` are filled by whoever fires, and by each error that it logs."""

    def __init__(self, emulator: Emulator, clock: VirtualClock, target: Receiver, findings: Findings) -> None:
        self.emulator = emulator
        self.clock = clock
        self.target = target
        self.findings = findings
        self.latest_ack_id = "1-1-1"
        self._cases = 0

    async def answer_to(self, call: Awaitable[T]) -> T:
        """The call's answer; one that waits gets time by the clock. Raises TimeoutError if in vain."""
        waiting = asyncio.ensure_future(call)
        for _ in range(_TURNS):
            done, _pending = await asyncio.wait({waiting}, timeout=_PATIENCE)
            if done:
                return waiting.result()
            self.clock.advance(10)
        waiting.cancel()
        raise TimeoutError("stuck: the call did not end")

    async def ended(self, call: str, end: str) -> None:
        """A case ended so: count it, and let a little time pass, every hundredth time an hour."""
        self.findings.ends[call, end] += 1
        self._cases += 1
        self.clock.advance(3600.0 if self._cases % 100 == 0 else 0.1)
        if self._cases % 50 == 0:
            await make_resources(self.emulator)

    async def is_healthy(self) -> bool:
        async with httpx.AsyncClient(base_url=f"http://{self.emulator.addresses.http}") as client:
            answer = await self.answer_to(client.get("/healthz"))
            metrics = await self.answer_to(client.get("/metrics"))
            console = await self.answer_to(client.get("/"))
        return answer.status_code == metrics.status_code == console.status_code == 200


@asynccontextmanager
async def ground(
    folder: Path, findings: Findings, *, seed: int = 0, now: float = BEGAN, makes: bool = True
) -> AsyncIterator[Ground]:
    """An emulator on `folder` with its target; without `makes`, with the resources that are there already."""
    clock = VirtualClock(now)
    sender = HttpSender(connections=100, clock=clock)
    noting = _Noting(findings)
    logging.getLogger().addHandler(noting)
    try:
        async with receiving() as target:
            if makes:
                target.will_answer(random.Random(seed).choices(_ANSWERS, k=20_000))
            emulator = Emulator(
                EmulatorSettings(
                    data_dir=folder,
                    tasks_port=0,
                    pubsub_port=0,
                    http_port=0,
                    tasks=TasksSettings(throttling=True, app_engine_url="http://app.example"),
                ),
                clock=clock,
                sender=_ToTarget(sender, target.url),
            )
            await sender.open()
            await emulator.open()
            try:
                if makes:
                    await make_resources(emulator)
                yield Ground(emulator, clock, target, findings)
            finally:
                await emulator.aclose()
                await sender.aclose()
    finally:
        logging.getLogger().removeHandler(noting)


class _ToTarget:
    """Sends to the target what was for anybody, the rest of the URL as it was."""

    def __init__(self, sender: HttpSender, url: str) -> None:
        self._sender = sender
        self._url = url

    async def send(self, request: HttpRequest, deadline: float) -> End:
        url = _AUTHORITY.sub(lambda _: self._url, request.url)
        if not url.startswith(self._url):
            url = f"{self._url}/{url}"
        return await self._sender.send(replace(request, url=url), deadline)


class _Noting(logging.Handler):
    """An error that the emulator logs is a violation, whatever was answered."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(logging.ERROR)
        self._findings = findings

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("aiohttp."):
            return  # the target's
        told = logging.Formatter().format(record)
        self._findings.violations.append(Violation(f"logged {told[-1500:]}", record.name))

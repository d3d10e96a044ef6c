"""The handlers service, made to die once: right after the step that CRASH_AFTER names.

Run as `uvicorn tests.flow.crashing_handlers:create_app --factory`. It dies by SIGKILL, so that nothing
is cleaned up, and leaves CRASH_MARK behind, so that the process after it lives.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from contracts import Envelope, Queue
from handlers.app import create_app as create_handlers
from handlers.delivery import End
from handlers.effect import Delivery, Effect
from handlers.follow_up import FollowUp
from handlers.opening import Opened, open_service
from handlers.settings import HandlerSettings
from lanes import Lanes
from stores import Claim, Ledger, Outcome, OutcomeKind, Recorded, Start
from tests.stores.forwarding import ForwardingLedger

STEPS = ("claim", "side-effect", "outcome", "follow-up", "dead-letter")


@dataclass(frozen=True)
class Fuse:
    step: str
    mark: Path

    def burn(self, step: str) -> None:
        """Die here, if this is the step and nobody died yet."""
        if step != self.step:
            return
        try:
            os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


class DyingLedger(ForwardingLedger):
    def __init__(self, inner: Ledger, fuse: Fuse) -> None:
        super().__init__(inner)
        self._fuse = fuse

    async def claim(self, start: Start) -> Claim:
        claim = await super().claim(start)
        self._fuse.burn("claim")
        return claim

    async def record(self, start: Start, outcome: Outcome, body: bytes) -> Recorded:
        recorded = await super().record(start, outcome, body)
        self._fuse.burn("outcome")
        return recorded


class DyingFollowUp(FollowUp):
    def __init__(self, inner: FollowUp, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    async def __call__(
        self, envelope: Envelope, outcome: Outcome, *, queue: Queue, target: str, owner: str
    ) -> bool:
        new = await self._inner(envelope, outcome, queue=queue, target=target, owner=owner)
        self._fuse.burn("dead-letter" if outcome.kind is OutcomeKind.DEAD else "follow-up")
        return new


def dying(effect: Effect, fuse: Fuse) -> Effect:
    async def run(task: Any, delivery: Delivery) -> End:
        end = await effect(task, delivery)
        fuse.burn("side-effect")
        return end

    return run


@asynccontextmanager
async def open_crashing(settings: HandlerSettings, lanes: Lanes) -> AsyncIterator[Opened]:
    fuse = Fuse(step=os.environ["CRASH_AFTER"], mark=Path(os.environ["CRASH_MARK"]))
    async with open_service(settings, lanes) as opened:
        pipeline = opened.pipeline
        dies = replace(
            pipeline,
            ledger=DyingLedger(pipeline.ledger, fuse),
            effects={name: dying(effect, fuse) for name, effect in pipeline.effects.items()},
            follow_up=DyingFollowUp(pipeline.follow_up, fuse),
        )
        yield replace(opened, pipeline=dies)


def create_app() -> FastAPI:
    return create_handlers(opening=open_crashing)

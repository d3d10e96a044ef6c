"""Side effects that poison a handlers service until its code is mended, and that service itself.

Run as `uvicorn tests.flow.parcels:create_app --factory`. MENDED names a file: a process that
starts once it is there has the better code.
"""

from __future__ import annotations

import os
import signal
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from fastapi import FastAPI
from pydantic import Field

from contracts import Task
from handlers.app import create_app as create_handlers
from handlers.delivery import End, Returned, TargetFailed
from handlers.effect import Delivery, Effects
from handlers.opening import Opened, open_service
from handlers.settings import HandlerSettings
from handlers.standard_effects import Means
from lanes import Lanes, Request

Kind = Literal["well", "failing", "killing", "heavy"]


class Parcel(Task):
    """What the mended code knows; of any weight."""

    name: ClassVar[str] = "parcel"
    queue: ClassVar[str] = "developer-webhooks"

    kind: Kind
    number: int
    weight: int = 1

    def identity(self) -> str:
        return f"{self.kind}/{self.number}"

    def target(self) -> str:
        return f"{self.kind}-{self.number % 10}"


class LightParcel(Parcel):
    """The same type, of code that cannot read a heavy one."""

    weight: Annotated[int, Field(le=10)] = 1


class Letter(Task):
    """A type that the first code does not know."""

    name: ClassVar[str] = "parcel-letter"
    queue: ClassVar[str] = "developer-webhooks"

    number: int

    def identity(self) -> str:
        return f"letter/{self.number}"

    def target(self) -> str:
        return f"letter-{self.number % 10}"


def _effects(is_mended: bool, lanes: Lanes) -> Effects:
    async def run(task: Any, delivery: Delivery) -> End:
        kind = getattr(task, "kind", "letter")
        if kind == "killing" and not is_mended:
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "failing" and not is_mended:
            return TargetFailed("answered 500")
        await lanes.http.webhooks.send(
            Request(
                method="POST",
                url=f"{os.environ['RECEIVER_URL']}/{task.identity()}",
                deadline=delivery.deadline,
            )
        )
        return Returned()

    return {Parcel.name: run, Letter.name: run}


def create_app() -> FastAPI:
    is_mended = Path(os.environ["MENDED"]).exists()
    types: list[type[Task]] = [Parcel, Letter] if is_mended else [LightParcel]

    def effects(means: Means) -> Effects:
        return _effects(is_mended, means.lanes)

    def opening(settings: HandlerSettings, lanes: Lanes) -> AbstractAsyncContextManager[Opened]:
        return open_service(settings, lanes, types=types, effects=effects)

    return create_handlers(opening=opening)

"""What the admin API works with, around the pipeline of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from handlers.admin import Admin
from handlers.identity import Callers
from handlers.pipeline import Pipeline
from handlers.queues import CloudQueues
from handlers.reconciler import Reconciler
from handlers.settings import HandlerSettings
from producers import Producer
from stores import Blobs, Stores
from stores.erasure import Erasure

NOWHERE = HandlerSettings(
    cloud_tasks_emulator_host="127.0.0.1:9", pubsub_emulator_host="127.0.0.1:9", enqueue_deadline=0.3
)
"""Settings of a Cloud Tasks that does not answer."""


async def _at_once(_: float) -> None:
    return


@asynccontextmanager
async def admin_means(
    pipeline: Pipeline,
    *,
    callers: Callers,
    stores: Stores,
    blobs: Blobs,
    producer: Producer,
    reconciler: Reconciler,
    settings: HandlerSettings = NOWHERE,
) -> AsyncIterator[Admin]:
    async with CloudQueues(settings, pipeline.catalog) as queues:
        yield Admin(
            callers=callers,
            stores=stores,
            blobs=blobs,
            erasure=Erasure(stores, blobs),
            reconciler=reconciler,
            queues=queues,
            producer=producer,
            catalog=pipeline.catalog,
            telemetry=pipeline.telemetry,
            clock=pipeline.clock,
            random=pipeline.luck,
            sleep=_at_once,
            takes_literal_secrets=True,
        )

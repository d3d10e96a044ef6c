"""Opens everything that the handlers service uses, and closes it in reverse order. Handles no request."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts import (
    TASK_TYPES,
    AppWebhook,
    DeveloperWebhook,
    Task,
    TaskRegistry,
    load_catalog,
)
from handlers.admin import Admin
from handlers.app_webhooks import app_keeper
from handlers.database import open_database, open_payloads
from handlers.dead_letters.watch import DeadLetterWatch
from handlers.endpoint_health import EndpointHealth
from handlers.events import Events
from handlers.fan_out import fan_outs_to
from handlers.follow_up import FollowUp
from handlers.health import Keepers
from handlers.identity import CERTIFICATES_LANE, Callers, Certificates
from handlers.pipeline import Pipeline
from handlers.queues import CloudQueues
from handlers.reconciler import Reconciler
from handlers.secret_manager import SecretManager
from handlers.secrets import Secrets
from handlers.settings import HandlerSettings
from handlers.standard_effects import MakeEffects, Means, standard_effects
from handlers.targets import Targets
from handlers.webhooks import keeper
from lanes import HttpLane, Lanes, LanesSettings
from producers import Producer
from stores import Stores
from stores.erasure import Erasure

WEBHOOKS_UNDER_WAY = 512
"""Above the requests that an instance is given at once (Cloud Run's concurrency)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What the routes of the service call, open."""

    pipeline: Pipeline
    reconciler: Reconciler
    events: Events
    admin: Admin


Open = Callable[[HandlerSettings, Lanes], AbstractAsyncContextManager[Opened]]


def _keepers(stores: Stores) -> Keepers:
    """Whose endpoints have a health."""
    return {AppWebhook.name: app_keeper(stores.apps), DeveloperWebhook.name: keeper}


@asynccontextmanager
async def open_service(
    settings: HandlerSettings,
    lanes: Lanes,
    *,
    types: Sequence[type[Task]] = TASK_TYPES,
    effects: MakeEffects = standard_effects,
) -> AsyncIterator[Opened]:
    """Open the service as it is deployed.

    A backend with task types of its own names them in `types`, and makes their `effects` too:
    docs/tutorial.md.
    """
    catalog = await lanes.storage.run(load_catalog, settings.queues_file)
    registry = TaskRegistry(types)
    async with (
        open_database(settings) as stores,
        HttpLane(CERTIFICATES_LANE) as certificates_lane,
        SecretManager(settings.secret_manager_host) as vault,
        open_payloads(settings, lanes.storage) as blobs,
        Producer(settings, catalog, registry, blobs=blobs) as producer,
        CloudQueues(settings, catalog) as queues,
        DeadLetterWatch(
            stores.dead_letters,
            lanes.telemetry,
            retention=timedelta(days=settings.dead_letter_retention_days),
            interval=timedelta(seconds=settings.dead_letter_count_seconds),
            clock=_now,
        ),
    ):
        means = Means(
            settings=settings, stores=stores, blobs=blobs, lanes=lanes, secrets=_secrets(settings, vault)
        )
        targets = Targets(stores.targets, clock=_now, random=random.random, telemetry=lanes.telemetry)
        follow_up = FollowUp(producer, stores.ledger)
        certificates = Certificates(settings.oidc_certs_url, certificates_lane)
        pipeline = Pipeline(
            callers=Callers(
                certificates, audience=settings.audience, emails=frozenset({settings.invoker_email})
            ),
            catalog=catalog,
            registry=registry,
            ledger=stores.ledger,
            blobs=blobs,
            effects=effects(means),
            targets=targets,
            follow_up=follow_up,
            health=EndpointHealth(
                stores.targets, targets, _keepers(stores), tell=follow_up.derive, clock=_now
            ),
            telemetry=lanes.telemetry,
            clock=_now,
            luck=random.random,
        )
        reconciler = Reconciler(stores.ledger, follow_up, catalog, telemetry=lanes.telemetry, clock=_now)
        events = Events(
            callers=Callers(
                certificates,
                audience=settings.event_audience,
                emails=frozenset({settings.event_pusher_email}),
            ),
            catalog=catalog,
            fan_outs=fan_outs_to(stores.apps) if AppWebhook in types else {},
            outbox=producer,
            telemetry=lanes.telemetry,
            clock=_now,
        )
        admin = Admin(
            callers=Callers(certificates, audience=settings.audience, emails=settings.admin_emails),
            stores=stores,
            blobs=blobs,
            erasure=Erasure(stores, blobs),
            reconciler=reconciler,
            queues=queues,
            producer=producer,
            catalog=catalog,
            telemetry=lanes.telemetry,
            clock=_now,
            random=random.random,
            sleep=asyncio.sleep,
            takes_literal_secrets=settings.takes_literal_secrets,
        )
        yield Opened(pipeline=pipeline, reconciler=reconciler, events=events, admin=admin)


def _secrets(settings: HandlerSettings, vault: SecretManager) -> Secrets:
    return Secrets(vault, takes_literals=settings.takes_literal_secrets)


def without_breakers(settings: LanesSettings) -> LanesSettings:
    """The settings with lanes of durable side effects that leave no target alone and bound none.

    `handlers.targets` does both for every durable side effect, before it runs and by the queue's own policy:
    a second breaker and bulkhead on the way would refuse what those have let go. For the same reason webhooks
    have room for whatever the queues dispatch to one instance: slow endpoints would fill a smaller lane.
    """
    unbounded = {"breaker_failures": None, "max_per_target": None}
    http = settings.http
    lanes = {name: getattr(http, name).model_copy(update=unbounded) for name in ("webhooks", "maps", "stt")}
    room = max(http.webhooks.max_connections, WEBHOOKS_UNDER_WAY)
    lanes["webhooks"] = lanes["webhooks"].model_copy(update={"max_connections": room})
    return settings.model_copy(update={"http": http.model_copy(update=lanes)})


def _now() -> datetime:
    return datetime.now(UTC)

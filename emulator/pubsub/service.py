"""Puts Pub/Sub together: its two gRPC services on the store, and its pushes; the parts do the work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import grpc.aio
from google.pubsub_v1 import types

from emulator.engine.clock import Clock
from emulator.engine.exchange import Sender
from emulator.grpc_api import Methods, Service
from emulator.iam import Policies
from emulator.oidc import TokenIssuer
from emulator.pubsub import backlog, policies, rest, times
from emulator.pubsub.backlog import Backlog
from emulator.pubsub.changes import PUSH_SUBSCRIPTIONS, Changes, Wakeups
from emulator.pubsub.dead_letter_forwarder import DeadLetterForwarder
from emulator.pubsub.ensure import ensure
from emulator.pubsub.publisher import PublisherApi
from emulator.pubsub.puller import Puller
from emulator.pubsub.pusher import PushTally, PushTools
from emulator.pubsub.pushers import Pushers
from emulator.pubsub.resources import checked_subscription, checked_topic
from emulator.pubsub.snapshot_api import SnapshotApi
from emulator.pubsub.streams import MAX_STREAMS, PullStreams
from emulator.pubsub.subscriber import SubscriberApi
from emulator.rest import RestApi
from emulator.store import Store

SUBSCRIBER = "google.pubsub.v1.Subscriber"


@dataclass(frozen=True, slots=True)
class PubSubStatistics:
    """Messages published, pushes ended and dead letters forwarded since the start; what is under way now."""

    published_total: int
    pushes_acknowledged_total: int
    pushes_failed_total: int
    pushes_under_way: int
    dead_letters_total: int
    streams_open: int
    max_streams: int


class PubSub:
    """Google Cloud Pub/Sub v1 on a store opened with `SCHEMA`. Open it after the store, issuer and sender.

    What Publish acknowledged is on disk. Delivery is at least once: a push cut off by the end of the process
    is sent again after the next start.
    """

    def __init__(self, store: Store, *, clock: Clock, issuer: TokenIssuer, sender: Sender) -> None:
        self._store = store
        self._clock = clock
        self._tally = PushTally()
        wakeups = Wakeups(clock)
        self._changes = Changes(store, wakeups)
        self._publisher = PublisherApi(store, self._changes, clock)
        puller = Puller(self._changes, wakeups, clock)
        self._subscriber = SubscriberApi(store, self._changes, puller, clock)
        self._snapshots = SnapshotApi(store, self._changes, clock)
        self._streams = PullStreams(puller, wakeups)
        self._forwarder = DeadLetterForwarder(self._changes, wakeups, clock)
        tools = PushTools(
            changes=self._changes,
            wakeups=wakeups,
            clock=clock,
            issuer=issuer,
            sender=sender,
            tally=self._tally,
        )
        self._pushers = Pushers(store, tools)
        self._policies = Policies(store, lambda db, name: policies.require(db, name, times.now(self._clock)))

    async def open(self) -> None:
        """Take up what the store holds, and push."""
        now = times.now(self._clock)
        await self._store.write(lambda db: backlog.begin(db, now))
        await self._forwarder.open()
        await self._pushers.open()

    async def end_streams(self) -> None:
        """End each StreamingPull with UNAVAILABLE and refuse others; call it before the server stops."""
        await self._streams.aclose()

    async def aclose(self) -> None:
        """End streams and pushes; what is not acknowledged stays in the store."""
        await self._streams.aclose()
        await self._pushers.aclose()
        await self._forwarder.aclose()
        await self._changes.aclose()

    def methods(self) -> Mapping[str, Methods]:
        """The calls of each service of the API, by the service's full name."""
        return {
            "google.pubsub.v1.Publisher": self._publisher.methods(),
            SUBSCRIBER: {**self._subscriber.methods(), **self._snapshots.methods()},
            "google.iam.v1.IAMPolicy": self._policies.methods(),
        }

    def services(self) -> tuple[Service, ...]:
        """The gRPC services, streams included."""
        streams = {SUBSCRIBER: self._streams.methods()}
        return tuple(
            Service(name, methods, streams.get(name, {})) for name, methods in self.methods().items()
        )

    def add_to(self, server: grpc.aio.Server) -> None:
        """Serve the API on `server`, which should receive up to `SERVER_MESSAGE_BYTES`."""
        server.add_generic_rpc_handlers(self.services())

    def rest(self) -> RestApi:
        """The API over REST, for the HTTP port."""
        return RestApi(rest.ROUTES, self.methods(), body_limit=rest.BODY_LIMIT)

    async def ensure(
        self, topics: Iterable[types.Topic], subscriptions: Iterable[types.Subscription]
    ) -> None:
        """Create these topics and subscriptions, or give those that exist these settings: all or none.

        Raises ApiError as the calls that create them do, and EmulatorError for a subscription that exists on
        another topic.
        """
        wanted_topics = [checked_topic(topic) for topic in topics]
        wanted_subscriptions = [checked_subscription(subscription) for subscription in subscriptions]
        now = times.now(self._clock)
        names = [subscription.name for subscription in wanted_subscriptions]
        await self._changes.commit(
            lambda db: ensure(db, wanted_topics, wanted_subscriptions, now),
            concerns=lambda _: (PUSH_SUBSCRIPTIONS, *names),
        )

    async def backlogs(self) -> list[Backlog]:
        """Each subscription's messages that are not acknowledged, by its name."""
        now = times.now(self._clock)
        return await self._store.read(lambda db: backlog.backlogs(db, now))

    def statistics(self) -> PubSubStatistics:
        return PubSubStatistics(
            published_total=self._publisher.published,
            pushes_acknowledged_total=self._tally.acknowledged,
            pushes_failed_total=self._tally.failed,
            pushes_under_way=self._tally.under_way,
            dead_letters_total=self._forwarder.forwarded,
            streams_open=self._streams.open_streams,
            max_streams=MAX_STREAMS,
        )

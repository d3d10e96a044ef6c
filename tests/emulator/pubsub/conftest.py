"""Pub/Sub served on a real socket and a real database, in virtual time, with Google's own clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from emulator.oidc import TokenIssuer
from emulator.pubsub import SCHEMA, SERVER_MESSAGE_BYTES, PubSub
from emulator.store import Store
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.resources import SUBSCRIPTION, TOPIC
from tests.emulator.target import Target


@pytest.fixture
async def clock() -> ObservedClock:
    return ObservedClock()


@pytest.fixture
async def endpoint(clock: ObservedClock) -> Target:
    return Target(clock)


@pytest.fixture
async def issuer(key_file: Path, clock: ObservedClock) -> TokenIssuer:
    issuer = TokenIssuer(key_file, clock=clock)
    await issuer.open()
    return issuer


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(tmp_path / "pubsub.db", schema=SCHEMA)
    await store.open()
    yield store
    await store.aclose()


@pytest.fixture
async def pubsub(
    store: Store, clock: ObservedClock, issuer: TokenIssuer, endpoint: Target
) -> AsyncIterator[PubSub]:
    pubsub = PubSub(store, clock=clock, issuer=issuer, sender=endpoint)
    await pubsub.open()
    yield pubsub
    await pubsub.aclose()


@pytest.fixture
async def address(pubsub: PubSub) -> AsyncIterator[str]:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", SERVER_MESSAGE_BYTES)])
    pubsub.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(grace=None)


@pytest.fixture
async def channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    as_googles = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(address, options=as_googles) as channel:
        yield channel


@pytest.fixture
async def publisher(channel: grpc.aio.Channel) -> PublisherAsyncClient:
    transport = PublisherGrpcAsyncIOTransport(channel=channel)
    return await asyncio.to_thread(
        PublisherAsyncClient, transport=transport
    )  # it looks for certificate files


@pytest.fixture
async def subscriber(channel: grpc.aio.Channel) -> SubscriberAsyncClient:
    transport = SubscriberGrpcAsyncIOTransport(channel=channel)
    return await asyncio.to_thread(SubscriberAsyncClient, transport=transport)  # the same


@pytest.fixture
async def subscription(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> types.Subscription:
    """The one of most tests, to a topic of its own."""
    await publisher.create_topic(name=TOPIC)
    return await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)

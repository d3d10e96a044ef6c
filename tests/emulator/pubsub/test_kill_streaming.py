"""Kills a real emulator while messages stream in and out: none is lost, and none comes again once settled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from tests.emulator.process import EmulatorProcess, up
from tests.emulator.pubsub.resources import SUBSCRIPTION, TOPIC
from tests.emulator.pubsub.streaming import streaming

KILLS = 4
FEWEST = 50  # messages that are published before a kill
PUBLISHERS = 4
STREAMS = 2


@asynccontextmanager
async def clients(address: str) -> AsyncIterator[tuple[PublisherAsyncClient, SubscriberAsyncClient]]:
    async with grpc.aio.insecure_channel(address) as channel:
        publishing = PublisherGrpcAsyncIOTransport(channel=channel)
        subscribing = SubscriberGrpcAsyncIOTransport(channel=channel)
        yield (
            await asyncio.to_thread(PublisherAsyncClient, transport=publishing),
            await asyncio.to_thread(SubscriberAsyncClient, transport=subscribing),
        )


class Traffic:
    """What was published and settled, as far as the emulator answered it, and what arrived.

    An acknowledgement that a kill left unanswered may be on disk or not: its message may come again.
    """

    def __init__(self) -> None:
        self.published: set[str] = set()
        self.arrived: set[str] = set()
        self.settled: set[str] = set()
        self.came_again: set[str] = set()
        self._all_arrived = asyncio.Event()

    async def publish(self, publisher: PublisherAsyncClient, process: EmulatorProcess, goal: int) -> None:
        """Publish until the emulator is gone; kill it at `goal`."""
        while True:
            messages = [types.PubsubMessage(data=b"x")] * 3
            try:
                response = await publisher.publish(topic=TOPIC, messages=messages, retry=None, timeout=10)
            except GoogleAPICallError:
                return
            self.published.update(response.message_ids)
            if len(self.published) >= goal:
                process.kill()

    async def take(self, subscriber: SubscriberAsyncClient) -> None:
        """Stream and acknowledge until the emulator is gone."""
        async with streaming(subscriber, stream_ack_deadline_seconds=10) as stream:
            while True:
                try:
                    received = list((await stream.response()).received_messages)
                    ids = {each.message.message_id for each in received}
                    self.came_again |= ids & self.settled
                    self.arrived |= ids
                    await subscriber.acknowledge(
                        subscription=SUBSCRIPTION,
                        ack_ids=[each.ack_id for each in received],
                        retry=None,
                        timeout=10,
                    )
                except GoogleAPICallError:
                    return
                self.settled |= ids
                if self.published <= self.arrived:
                    self._all_arrived.set()

    async def take_the_rest(self, subscriber: SubscriberAsyncClient) -> None:
        """Until all that was published has arrived."""
        if self.published <= self.arrived:
            return
        self._all_arrived.clear()
        taking = asyncio.create_task(self.take(subscriber))
        async with asyncio.timeout(30):
            await self._all_arrived.wait()
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)


@pytest.mark.timeout(120)
async def test_kills_lose_nothing_published_and_repeat_nothing_settled(tmp_path: Path) -> None:
    chance = random.Random(8_085)
    traffic = Traffic()
    for kills in range(KILLS):
        async with (
            up(tmp_path) as process,
            clients(process.addresses.pubsub) as (publisher, subscriber),
        ):
            if kills == 0:
                await publisher.create_topic(name=TOPIC)
                await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
            goal = len(traffic.published) + chance.randint(FEWEST, 600)
            async with asyncio.TaskGroup() as both:
                for _ in range(PUBLISHERS):
                    both.create_task(traffic.publish(publisher, process, goal))
                for _ in range(STREAMS):
                    both.create_task(traffic.take(subscriber))
    async with up(tmp_path) as process, clients(process.addresses.pubsub) as (_, subscriber):
        await traffic.take_the_rest(subscriber)
    assert traffic.published <= traffic.arrived
    assert traffic.came_again == set()
    assert len(traffic.published) >= KILLS * FEWEST
    assert traffic.settled

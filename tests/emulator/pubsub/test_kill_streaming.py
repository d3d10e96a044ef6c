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
    """What was published and settled, as far as the emulator answered it."""

    def __init__(self) -> None:
        self.published: set[str] = set()
        self.settled: set[str] = set()
        self.came_again: set[str] = set()
        self._all_settled = asyncio.Event()

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
        """Stream and acknowledge until the emulator is gone, or all that was published is settled."""
        async with streaming(subscriber, stream_ack_deadline_seconds=10) as stream:
            while True:
                try:
                    received = list((await stream.response()).received_messages)
                    ids = {each.message.message_id for each in received}
                    self.came_again |= ids & self.settled
                    await subscriber.acknowledge(
                        subscription=SUBSCRIPTION,
                        ack_ids=[each.ack_id for each in received],
                        retry=None,
                        timeout=10,
                    )
                except GoogleAPICallError:
                    return
                self.settled |= ids
                if self.published <= self.settled:
                    self._all_settled.set()

    async def take_the_rest(self, subscriber: SubscriberAsyncClient) -> None:
        taking = asyncio.create_task(self.take(subscriber))
        async with asyncio.timeout(30):
            await self._all_settled.wait()
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)


@pytest.mark.timeout(120)
async def test_kills_lose_nothing_published_and_repeat_nothing_settled(tmp_path: Path) -> None:
    chance = random.Random(8_085)
    traffic = Traffic()
    left_behind = 0
    for kills in range(KILLS):
        async with (
            up(tmp_path) as process,
            clients(process.addresses.pubsub) as (publisher, subscriber),
        ):
            if kills == 0:
                await publisher.create_topic(name=TOPIC)
                await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
            goal = len(traffic.published) + chance.randint(50, 600)
            async with asyncio.TaskGroup() as both:
                for _ in range(PUBLISHERS):
                    both.create_task(traffic.publish(publisher, process, goal))
                for _ in range(STREAMS):
                    both.create_task(traffic.take(subscriber))
            left_behind += len(traffic.published - traffic.settled)
    traffic._all_settled.clear()
    async with up(tmp_path) as process, clients(process.addresses.pubsub) as (_, subscriber):
        await traffic.take_the_rest(subscriber)
    assert traffic.published <= traffic.settled
    assert traffic.came_again == set()
    assert left_behind > 0  # the kills hit messages on their way

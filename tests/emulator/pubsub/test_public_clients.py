"""The unmodified publisher and subscriber of `google.cloud.pubsub_v1`, on a whole emulator in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1.types import BatchSettings, FlowControl, PublisherOptions
from google.pubsub_v1 import types

from emulator import Emulator
from tests.emulator.pubsub.public_clients import public_subscriber, publish_by_public_client
from tests.emulator.pubsub.pushing import all_acknowledged
from tests.emulator.pubsub.resources import DEAD_TOPIC, PROJECT, SUBSCRIPTION, TOPIC
from tests.emulator.running import Running


@pytest.fixture
async def emulator(running: Running) -> AsyncIterator[Emulator]:
    topics = [types.Topic(name=TOPIC), types.Topic(name=DEAD_TOPIC)]
    async with running(topics=topics, tasks_port=None, http_port=None) as emulator:
        yield emulator


async def _subscribe(emulator: Emulator, **fields: Any) -> None:
    await emulator.pubsub.ensure([], [types.Subscription({"name": SUBSCRIPTION, "topic": TOPIC, **fields})])


def _numbered(count: int) -> list[tuple[bytes, dict[str, str]]]:
    return [(b"%d" % number, {"kind": "test"}) for number in range(count)]


async def test_batches_arrive_and_are_acknowledged(emulator: Emulator) -> None:
    address = emulator.addresses.pubsub
    await _subscribe(emulator)
    batches = BatchSettings(max_messages=50, max_latency=0.01)
    published = await publish_by_public_client(address, TOPIC, _numbered(500), batch_settings=batches)
    arrived: set[str] = set()
    async with public_subscriber(address, SUBSCRIPTION) as inbox:
        while len(arrived) < 500:
            message = await inbox.message()
            assert message.attributes == {"kind": "test"}
            assert message.delivery_attempt is None
            arrived.add(message.message_id)
            message.ack()
        await all_acknowledged(emulator.pubsub)
    assert arrived == set(published)


async def test_ordering_keys_arrive_in_order(emulator: Emulator) -> None:
    address = emulator.addresses.pubsub
    await _subscribe(emulator, enable_message_ordering=True)
    messages = [(b"%d" % number, {"ordering_key": key}) for number in range(40) for key in "abc"]
    ordered = PublisherOptions(enable_message_ordering=True)
    await publish_by_public_client(address, TOPIC, messages, publisher_options=ordered)
    arrived: dict[str, list[int]] = {key: [] for key in "abc"}
    async with public_subscriber(address, SUBSCRIPTION) as inbox:
        for _ in messages:
            message = await inbox.message()
            arrived[message.ordering_key].append(int(message.data))
            message.ack()
        await all_acknowledged(emulator.pubsub)
    assert arrived == {key: list(range(40)) for key in "abc"}


async def test_what_is_given_back_comes_again(emulator: Emulator) -> None:
    address = emulator.addresses.pubsub
    await _subscribe(emulator)
    await publish_by_public_client(address, TOPIC, _numbered(1))
    async with public_subscriber(address, SUBSCRIPTION) as inbox:
        first = await inbox.message()
        first.nack()
        again = await inbox.message()
        assert (again.message_id, again.ack_id) != (first.message_id, first.ack_id)
        assert again.message_id == first.message_id
        again.ack()
        await all_acknowledged(emulator.pubsub)


async def test_flow_control_leaves_the_rest_to_others(emulator: Emulator) -> None:
    address = emulator.addresses.pubsub
    await _subscribe(emulator)
    await publish_by_public_client(address, TOPIC, _numbered(20))
    control = FlowControl(max_messages=5)
    async with public_subscriber(address, SUBSCRIPTION, flow_control=control) as inbox:
        held = [await inbox.message() for _ in range(5)]
        (backlog,) = await emulator.pubsub.backlogs()
        assert (backlog.unacknowledged, backlog.outstanding) == (20, 5)
        async with public_subscriber(address, SUBSCRIPTION) as other:
            rest = [await other.message() for _ in range(15)]
            for message in (*held, *rest):
                message.ack()
            await all_acknowledged(emulator.pubsub)


async def test_exactly_once_acknowledgements_are_confirmed(emulator: Emulator) -> None:
    address = emulator.addresses.pubsub
    await _subscribe(emulator, enable_exactly_once_delivery=True)
    await publish_by_public_client(address, TOPIC, _numbered(3))
    async with public_subscriber(address, SUBSCRIPTION) as inbox:
        for _ in range(3):
            message = await inbox.message()
            confirmed = message.ack_with_response()
            status = await asyncio.to_thread(confirmed.result, 30)
            assert status.name == "SUCCESS"
    assert [backlog.unacknowledged for backlog in await emulator.pubsub.backlogs()] == [0]


async def test_what_is_never_taken_becomes_a_dead_letter(emulator: Emulator) -> None:
    address = emulator.addresses.pubsub
    policy = {"dead_letter_topic": DEAD_TOPIC, "max_delivery_attempts": 5}
    await _subscribe(emulator, dead_letter_policy=policy)
    dead = f"{PROJECT}/subscriptions/dead"
    await emulator.pubsub.ensure([], [types.Subscription(name=dead, topic=DEAD_TOPIC)])
    await publish_by_public_client(address, TOPIC, _numbered(1))
    async with public_subscriber(address, SUBSCRIPTION) as inbox, public_subscriber(address, dead) as letters:
        attempts = []
        for _ in range(5):
            message = await inbox.message()
            attempts.append(message.delivery_attempt)
            message.nack()
        letter = await letters.message()
        letter.ack()
        await all_acknowledged(emulator.pubsub)
    assert attempts == [1, 2, 3, 4, 5]
    assert letter.attributes["CloudPubSubDeadLetterSourceSubscription"] == "worker"


async def test_a_deleted_subscription_ends_the_subscriber(emulator: Emulator) -> None:
    address = emulator.addresses.pubsub
    await _subscribe(emulator)
    await publish_by_public_client(address, TOPIC, _numbered(1))
    async with public_subscriber(address, SUBSCRIPTION) as inbox:
        (await inbox.message()).ack()
        delete = types.DeleteSubscriptionRequest(subscription=SUBSCRIPTION)
        await emulator.pubsub._subscriber.delete_subscription(delete)
        assert isinstance(await inbox.ended(), exceptions.NotFound)

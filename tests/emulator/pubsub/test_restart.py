"""What was acknowledged outlives the process, its end by kill -9 included."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import grpc.aio
import pytest
from google.api_core import exceptions
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport

from emulator.errors import ApiError, EmulatorError
from emulator.oidc import TokenIssuer
from emulator.pubsub import SCHEMA, PubSub
from emulator.store import Store
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.resources import ENDPOINT, PROJECT, SUBSCRIPTION, TOPIC
from tests.emulator.target import Target

PULLED = types.Subscription(name=SUBSCRIPTION, topic=TOPIC)
PUSHED = types.Subscription(
    name=SUBSCRIPTION, topic=TOPIC, push_config=types.PushConfig(push_endpoint=ENDPOINT)
)


async def test_kill_9_loses_no_acknowledged_publish(
    tmp_path: Path, clock: ObservedClock, issuer: TokenIssuer, endpoint: Target
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.emulator.pubsub.served", str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().strip()
    acknowledged: list[str] = []
    enough = asyncio.Event()
    async with grpc.aio.insecure_channel(address) as channel:
        transport = PublisherGrpcAsyncIOTransport(channel=channel)
        publisher = await asyncio.to_thread(PublisherAsyncClient, transport=transport)

        async def publish_on() -> None:
            while True:
                messages = [types.PubsubMessage(data=b"x")] * 3
                try:
                    response = await publisher.publish(topic=TOPIC, messages=messages, retry=None)
                except exceptions.GoogleAPICallError:
                    return
                acknowledged.extend(response.message_ids)
                if len(acknowledged) > 100:
                    enough.set()

        async with asyncio.TaskGroup() as publishing:
            for _ in range(8):
                publishing.create_task(publish_on())
            await enough.wait()
            process.kill()
    await process.wait()

    store = Store(tmp_path / "pubsub.db", schema=SCHEMA)
    await store.open()
    pubsub = PubSub(store, clock=clock, issuer=issuer, sender=endpoint)
    await pubsub.open()
    (backlog,) = await pubsub.backlogs()
    kept = await store.read(lambda db: db.execute("SELECT id FROM pubsub_messages").fetchall())
    await pubsub.aclose()
    await store.aclose()

    assert len(acknowledged) > 100
    assert len(set(acknowledged)) == len(acknowledged)
    assert set(acknowledged) <= {str(id_) for (id_,) in kept}
    assert backlog.unacknowledged == len(kept)


async def test_resources_leases_and_ids_go_on_after_a_restart(
    pubsub: PubSub,
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    store: Store,
    clock: ObservedClock,
    issuer: TokenIssuer,
    endpoint: Target,
) -> None:
    await publisher.create_topic(name=TOPIC)
    await subscriber.create_subscription(PULLED)
    messages = [types.PubsubMessage(data=b"leased"), types.PubsubMessage(data=b"waiting")]
    before = await publisher.publish(topic=TOPIC, messages=messages)
    (leased,) = await pull_now(subscriber, max_messages=1)

    restarted = PubSub(store, clock=clock, issuer=issuer, sender=endpoint)
    await restarted.open()

    (waiting,) = await pull_now(subscriber)
    assert waiting.message.data == b"waiting"
    await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[leased.ack_id, waiting.ack_id])
    assert [backlog.unacknowledged for backlog in await restarted.backlogs()] == [0]
    after = await publisher.publish(topic=TOPIC, messages=messages)
    assert int(after.message_ids[0]) == int(before.message_ids[-1]) + 1
    await restarted.aclose()


async def test_a_push_cut_off_by_the_end_is_sent_again_at_once(
    store: Store, clock: ObservedClock, issuer: TokenIssuer, endpoint: Target
) -> None:
    first = PubSub(store, clock=clock, issuer=issuer, sender=endpoint)
    await first.open()
    await first.ensure([types.Topic(name=TOPIC)], [PUSHED])
    endpoint.is_holding = True
    publish = types.PublishRequest(topic=TOPIC, messages=[types.PubsubMessage(data=b"a")])
    await first._publisher.publish(publish)
    await endpoint.received(1)
    await first.aclose()

    await endpoint.release()
    second = PubSub(store, clock=clock, issuer=issuer, sender=endpoint)
    await second.open()

    before, after = await endpoint.received(2)
    assert before.body == after.body
    await second.aclose()


async def test_ensure_creates_and_then_updates(
    pubsub: PubSub, subscriber: SubscriberAsyncClient, publisher: PublisherAsyncClient, endpoint: Target
) -> None:
    await pubsub.ensure([types.Topic(name=TOPIC)], [PULLED])
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"kept")])

    await pubsub.ensure([types.Topic(name=TOPIC, labels={"team": "speech"})], [PUSHED])

    (request,) = await endpoint.received(1)
    assert request.url == ENDPOINT
    assert (await publisher.get_topic(topic=TOPIC)).labels == {"team": "speech"}


async def test_a_shorter_retention_counts_for_what_is_there(
    pubsub: PubSub, publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    await pubsub.ensure([types.Topic(name=TOPIC)], [PULLED])
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"a")])
    clock.advance(600)
    assert [backlog.unacknowledged for backlog in await pubsub.backlogs()] == [1]

    brief = types.Subscription(PULLED, message_retention_duration={"seconds": 600})
    await pubsub.ensure([], [brief])

    assert [backlog.unacknowledged for backlog in await pubsub.backlogs()] == [0]


@pytest.mark.parametrize(
    ("subscription", "problem"),
    [
        (types.Subscription(name=SUBSCRIPTION, topic=f"{PROJECT}/topics/none"), "resource=none"),
        (types.Subscription(name=SUBSCRIPTION, topic="events"), "Invalid resource name"),
    ],
)
async def test_ensure_does_all_or_nothing(
    pubsub: PubSub, publisher: PublisherAsyncClient, subscription: types.Subscription, problem: str
) -> None:
    with pytest.raises(ApiError, match=problem):
        await pubsub.ensure([types.Topic(name=TOPIC)], [subscription])
    with pytest.raises(exceptions.NotFound):
        await publisher.get_topic(topic=TOPIC)


async def test_ensure_moves_no_subscription_to_another_topic(pubsub: PubSub) -> None:
    other = types.Topic(name=f"{PROJECT}/topics/other")
    await pubsub.ensure([types.Topic(name=TOPIC), other], [PULLED])
    moved = types.Subscription(PULLED, topic=other.name)
    with pytest.raises(EmulatorError, match=r"cannot move to .*/topics/other: delete it first"):
        await pubsub.ensure([], [moved])

"""Calls with random content: whatever is sent, the answer is one of the API's, and the emulator goes on."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import grpc
import grpc.aio
import pytest
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from emulator.pubsub import PubSub
from emulator.pubsub.resources import MUTABLE_OF_SUBSCRIPTION
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.pushing import publish_all
from tests.emulator.pubsub.random_messages import RandomMessages
from tests.emulator.pubsub.resources import DEAD_TOPIC, ENDPOINT, PROJECT, SUBSCRIPTION, TOPIC

CALLS = 600
SNAPSHOT = f"{PROJECT}/snapshots/snapshot"
OTHER = f"{PROJECT}/subscriptions/other"
TOPICS = (TOPIC, DEAD_TOPIC, f"{PROJECT}/topics/none")
TEXTS = {
    "topic": TOPICS,
    "Topic.name": TOPICS,
    "dead_letter_topic": TOPICS,
    "subscription": (SUBSCRIPTION, OTHER),
    "Subscription.name": (SUBSCRIPTION, OTHER, f"{PROJECT}/subscriptions/pushed"),
    "snapshot": (SNAPSHOT, f"{SNAPSHOT}-2"),
    "Snapshot.name": (SNAPSHOT,),
    "CreateSnapshotRequest.name": (SNAPSHOT, f"{SNAPSHOT}-2"),
    "project": (PROJECT,),
    "resource": (TOPIC, SUBSCRIPTION, SNAPSHOT),
    "push_endpoint": (ENDPOINT,),
    "service_account_email": ("a@example.com",),
    "filter": ("attributes:a", 'attributes.a = "x" OR attributes:b'),
    "ordering_key": ("a", "b"),
    "ack_ids": ("1-1-1",),
    "paths": (*sorted(MUTABLE_OF_SUBSCRIPTION), "expire_time", "retryPolicy.minimumBackoff", "name"),
}
DEFECTS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE}


@pytest.mark.parametrize("seed", range(3))
async def test_random_calls_are_answered_as_the_api_answers(
    pubsub: PubSub,
    channel: grpc.aio.Channel,
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    seed: int,
) -> None:
    chance = random.Random(seed)
    messages = RandomMessages(chance, TEXTS)
    methods = [
        (f"/{service}/{name}", request)
        for service, served in pubsub.methods().items()
        for name, (request, _) in served.items()
        if not name.startswith("Delete")
    ]
    await _make(publisher, subscriber)
    answers: Counter[grpc.StatusCode] = Counter()
    for _ in range(CALLS):
        path, request_class = chance.choice(methods)
        request = request_class()
        messages.fill(request)
        if path.endswith("/Pull"):
            request.return_immediately = True
        answer = await _call(channel, path, request)
        assert answer not in DEFECTS, f"{path}: {request}"
        answers[answer] += 1

    assert answers[grpc.StatusCode.OK] > CALLS / 10  # the content is not too random to get anywhere
    assert {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND} <= answers.keys()
    name = f"{SUBSCRIPTION}-after"
    await subscriber.create_subscription(name=name, topic=TOPIC)
    await publish_all(publisher, b"still served")
    (received,) = await pull_now(subscriber, subscription=name)
    assert received.message.data == b"still served"


async def _make(publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient) -> None:
    for name in (TOPIC, DEAD_TOPIC):
        await publisher.create_topic(name=name)
    await subscriber.create_subscription(
        types.Subscription(name=SUBSCRIPTION, topic=TOPIC, enable_message_ordering=True)
    )
    await subscriber.create_snapshot(name=SNAPSHOT, subscription=SUBSCRIPTION)


async def _call(channel: grpc.aio.Channel, path: str, request: Any) -> grpc.StatusCode:
    method: Any = channel.unary_unary(path, request_serializer=type(request).SerializeToString)
    try:
        await method(request, timeout=20)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK

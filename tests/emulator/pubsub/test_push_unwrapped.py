"""Pushes without a wrapper: the message's own bytes, and its metadata in headers where that is asked for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pushing import pushed
from tests.emulator.pubsub.resources import ENDPOINT, SUBSCRIPTION, TOPIC
from tests.emulator.target import Target

MESSAGE = types.PubsubMessage(
    data=b"\x00\xff",
    ordering_key="stream",
    attributes={
        "kind": "a",
        "Host": "elsewhere",
        "x-goog-pubsub-message-id": "forged",
        "no header": "x",
        "broken": "a\r\nb: c",
    },
)


@pytest.fixture(autouse=True)
async def topic(publisher: PublisherAsyncClient) -> types.Topic:
    return await publisher.create_topic(name=TOPIC)


@pytest.mark.parametrize("write_metadata", [True, False])
async def test_the_body_is_the_message_and_its_metadata_are_headers(
    publisher: PublisherAsyncClient,
    subscriber: SubscriberAsyncClient,
    endpoint: Target,
    clock: ObservedClock,
    write_metadata: bool,
) -> None:
    push_config = {"push_endpoint": ENDPOINT, "no_wrapper": {"write_metadata": write_metadata}}
    created = await subscriber.create_subscription(pushed(push_config=push_config))
    assert created.push_config.no_wrapper.write_metadata is write_metadata
    (message_id,) = (await publisher.publish(topic=TOPIC, messages=[MESSAGE])).message_ids

    (request,) = await endpoint.received(1)

    assert request.body == b"\x00\xff"
    plain = {"Accept": "application/json", "From": "noreply@google.com", "User-Agent": "CloudPubSub-Google"}
    published = datetime.fromtimestamp(clock.now(), UTC).isoformat().replace("+00:00", "Z")
    metadata = {
        "kind": "a",
        "x-goog-pubsub-subscription-name": SUBSCRIPTION,
        "x-goog-pubsub-message-id": message_id,
        "x-goog-pubsub-publish-time": published,
        "x-goog-pubsub-ordering-key": "stream",
    }
    assert dict(request.headers) == {**plain, **(metadata if write_metadata else {})}

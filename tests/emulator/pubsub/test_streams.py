"""StreamingPull by Google's generated client, in virtual time: sharing, flow control, deadlines, ends."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient, types

from emulator.pubsub import PubSub, streams
from tests.emulator.pubsub.observed_clock import ObservedClock
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.pushing import all_acknowledged, publish_all
from tests.emulator.pubsub.resources import ENDPOINT, PROJECT, SUBSCRIPTION, TOPIC
from tests.emulator.pubsub.streaming import ack_ids, data, streaming

pytestmark = pytest.mark.usefixtures("subscription")


async def test_messages_stream_and_are_acknowledged_on_the_stream(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, pubsub: PubSub
) -> None:
    await publish_all(publisher, b"before")
    async with streaming(subscriber) as stream:
        before = await stream.messages(1)
        await publish_all(publisher, b"after", b"too")
        after = await stream.messages(2)
        stream.send(ack_ids=ack_ids(before + after))
        await all_acknowledged(pubsub)
    assert data(before + after) == [b"before", b"after", b"too"]


async def test_streams_and_pulls_share_the_backlog(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await publish_all(publisher, *(b"%d" % number for number in range(30)))
    async with (
        streaming(subscriber, max_outstanding_messages=10) as one,
        streaming(subscriber, max_outstanding_messages=10) as other,
    ):
        received = [*await one.messages(10), *await other.messages(10), *await pull_now(subscriber, 20)]
    assert sorted(data(received), key=int) == [b"%d" % number for number in range(30)]


@pytest.mark.parametrize("on_stream", [True, False])
async def test_no_more_messages_are_out_than_the_client_asked_for(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, pubsub: PubSub, on_stream: bool
) -> None:
    await publish_all(publisher, *(b"%d" % number for number in range(5)))
    async with streaming(subscriber, max_outstanding_messages=2) as stream:
        received = await stream.messages(2)
        for expected in ([b"2"], [b"3"], [b"4"]):
            (backlog,) = await pubsub.backlogs()
            assert backlog.outstanding == 2
            if on_stream:
                stream.send(ack_ids=[received.pop(0).ack_id])
            else:
                await subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[received.pop(0).ack_id])
            more = await stream.messages(1)
            assert data(more) == expected
            received.extend(more)


async def test_no_more_bytes_are_out_than_the_client_asked_for(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, pubsub: PubSub
) -> None:
    await publish_all(publisher, *([bytes(1000)] * 3))
    async with streaming(subscriber, max_outstanding_bytes=1500) as stream:
        (first,) = await stream.messages(1)
        (second,) = await stream.messages(1)  # as long as there is room, one message may be larger than it
        (backlog,) = await pubsub.backlogs()
        assert (backlog.unacknowledged, backlog.outstanding) == (3, 2)
        stream.send(modify_deadline_ack_ids=[first.ack_id], modify_deadline_seconds=[0])
        (again,) = await stream.messages(1)
    assert again.message.message_id in {first.message.message_id, str(int(second.message.message_id) + 1)}


async def test_a_lease_that_ends_makes_room(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    start = clock.now()
    await publish_all(publisher, b"a", b"b")
    async with streaming(subscriber, max_outstanding_messages=1) as stream:
        assert data(await stream.messages(1)) == [b"a"]
        await clock.advance_when_asked(start + 20)
        assert data(await stream.messages(1)) == [b"b"]


async def test_the_streams_deadline_counts_and_can_be_changed(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    start = clock.now()
    await publish_all(publisher, b"a")
    async with streaming(subscriber, stream_ack_deadline_seconds=30, protocol_version=1) as stream:
        await stream.messages(1)
        await clock.advance_when_asked(start + 30)
        await stream.messages(1)
        stream.send(stream_ack_deadline_seconds=60)
        assert not (await stream.response()).received_messages  # the keep-alive's answer: it is taken
        await clock.advance_when_asked(start + 60)
        await stream.messages(1)
        await clock.advance_when_asked(start + 120)
        assert data(await stream.messages(1)) == [b"a"]


async def test_a_deadline_is_moved_on_the_stream(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock
) -> None:
    start = clock.now()
    await publish_all(publisher, b"a")
    async with streaming(subscriber) as stream:
        (received,) = await stream.messages(1)
        stream.send(modify_deadline_ack_ids=[received.ack_id], modify_deadline_seconds=[300])
        await clock.advance_when_asked(start + 300)
        assert data(await stream.messages(1)) == [b"a"]


async def test_what_a_closed_stream_had_stays_leased(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient, clock: ObservedClock, pubsub: PubSub
) -> None:
    await publish_all(publisher, b"a")
    async with streaming(subscriber) as stream:
        await stream.messages(1)
        stream.end()
        with pytest.raises(StopAsyncIteration):
            await stream.response()
    assert pubsub.statistics().streams_open == 0
    assert await pull_now(subscriber) == []
    clock.advance(20)
    assert data(await pull_now(subscriber)) == [b"a"]


async def test_a_client_that_only_pings_is_answered_where_its_protocol_says_so(
    subscriber: SubscriberAsyncClient,
) -> None:
    async with streaming(subscriber, protocol_version=1) as stream:
        stream.send()
        assert await stream.response() == types.StreamingPullResponse()


async def test_the_subscriptions_properties_are_told(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    name = f"{PROJECT}/subscriptions/careful"
    await subscriber.create_subscription(
        types.Subscription(
            name=name, topic=TOPIC, enable_message_ordering=True, enable_exactly_once_delivery=True
        )
    )
    await publish_all(publisher, b"a")
    async with streaming(subscriber, name) as careful, streaming(subscriber) as plain:
        told = (await careful.response()).subscription_properties
        assert (told.exactly_once_delivery_enabled, told.message_ordering_enabled) == (True, True)
        assert not (await plain.response()).subscription_properties.exactly_once_delivery_enabled


async def test_a_stream_ends_with_its_subscription(subscriber: SubscriberAsyncClient) -> None:
    async with streaming(subscriber, protocol_version=1) as stream:
        stream.send()
        await stream.response()
        await subscriber.delete_subscription(subscription=SUBSCRIPTION)
        with pytest.raises(exceptions.NotFound, match="resource=worker"):
            await stream.response()


async def test_a_stream_ends_when_its_subscription_becomes_a_push_one(
    subscriber: SubscriberAsyncClient,
) -> None:
    async with streaming(subscriber, protocol_version=1) as stream:
        stream.send()
        await stream.response()
        await subscriber.modify_push_config(
            subscription=SUBSCRIPTION, push_config=types.PushConfig(push_endpoint=ENDPOINT)
        )
        with pytest.raises(exceptions.FailedPrecondition, match="not supported for push"):
            await stream.response()


async def test_closing_the_emulator_ends_streams_as_unavailable(
    subscriber: SubscriberAsyncClient, pubsub: PubSub
) -> None:
    async with streaming(subscriber, protocol_version=1) as stream:
        stream.send()
        await stream.response()
        await pubsub.end_streams()
        with pytest.raises(exceptions.ServiceUnavailable, match="shutting down"):
            await stream.response()
    async with streaming(subscriber) as late:
        with pytest.raises(exceptions.ServiceUnavailable):
            await late.response()


async def test_a_client_that_does_not_read_holds_no_more_than_its_connection_takes(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    async with streaming(subscriber, protocol_version=1) as stream:
        stream.send()
        await stream.response()
        for _ in range(10):
            await publish_all(publisher, *([bytes(1_000_000)] * 5))
        others = []
        while received := await pull_now(subscriber, 5):
            others.extend(received)
        assert len(others) > 25  # of 50; a few megabytes are on their way to the stream
        mine = await stream.messages(50 - len(others))
    assert not {each.message.message_id for each in mine} & {each.message.message_id for each in others}


async def test_streams_are_bounded_in_number(
    subscriber: SubscriberAsyncClient, pubsub: PubSub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_STREAMS", 1)
    async with streaming(subscriber, protocol_version=1) as stream:
        stream.send()
        await stream.response()
        async with streaming(subscriber) as refused:
            with pytest.raises(exceptions.ResourceExhausted, match="has 1 StreamingPull calls open"):
                await refused.response()
        stream.send()
        await stream.response()
        assert pubsub.statistics().streams_open == 1


@pytest.mark.parametrize(
    ("opening", "problem"),
    [
        ({"subscription": ""}, "subscription is empty: the first request"),
        ({"subscription": "worker"}, "Invalid resource name given"),
        ({"stream_ack_deadline_seconds": 0}, "stream_ack_deadline_seconds is not set"),
        ({"stream_ack_deadline_seconds": 9}, "is 9: give 10 to 600 seconds"),
        ({"stream_ack_deadline_seconds": 601}, "is 601"),
        ({"ack_ids": ["nonsense"]}, "invalid ack ID"),
        ({"modify_deadline_ack_ids": ["1-1-1"]}, "1 modify_deadline_ack_ids and 0 modify_deadline_seconds"),
        (
            {"modify_deadline_ack_ids": ["1-1-1"], "modify_deadline_seconds": [601]},
            "ack_deadline_seconds is 601",
        ),
    ],
)
async def test_a_bad_opening_is_refused(
    subscriber: SubscriberAsyncClient, opening: dict[str, Any], problem: str
) -> None:
    async with streaming(subscriber, **opening) as stream:
        with pytest.raises(exceptions.InvalidArgument, match=problem):
            await stream.response()


@pytest.mark.parametrize(
    "field", ["subscription", "client_id", "max_outstanding_messages", "max_outstanding_bytes"]
)
async def test_what_the_first_request_alone_may_set_is_refused_later(
    subscriber: SubscriberAsyncClient, field: str
) -> None:
    async with streaming(subscriber) as stream:
        stream.send(**{field: SUBSCRIPTION if field in {"subscription", "client_id"} else 1})
        with pytest.raises(exceptions.InvalidArgument, match=f"{field} is set on a later request"):
            await stream.response()


async def test_a_stream_of_no_subscription_is_refused(subscriber: SubscriberAsyncClient) -> None:
    async with streaming(subscriber, f"{PROJECT}/subscriptions/other") as stream:
        with pytest.raises(exceptions.NotFound, match="resource=other"):
            await stream.response()

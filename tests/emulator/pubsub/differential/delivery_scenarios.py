"""What is done with messages on both emulators; each scenario returns what it saw, by step."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from google.api_core.exceptions import GoogleAPICallError
from google.pubsub_v1 import types

from tests.emulator.pubsub.differential.session import Seen, Session, data, plain
from tests.emulator.pubsub.pulling import pull_now
from tests.emulator.pubsub.streaming import Stream, streaming
from tests.receiver import Received, receiver


async def pulling(on: Session) -> Seen:
    await on.subscribe()
    message = types.PubsubMessage(data=b"a", attributes={"k": "v", "empty": ""}, ordering_key="o")
    await on.publish(message)
    first = await on.pull()
    await on.give_back(*first)
    again = await on.pull()

    async def acknowledge(*ids: str) -> Seen:
        return await on.seen(on.subscriber.acknowledge(subscription=on.subscription, ack_ids=list(ids)))

    async def modify(seconds: int, *ids: str) -> Seen:
        call = on.subscriber.modify_ack_deadline(
            subscription=on.subscription, ack_ids=list(ids), ack_deadline_seconds=seconds
        )
        return await on.seen(call)

    return {
        "first": [plain(each) for each in first],
        "while it is leased": await on.rest(),
        "again": [plain(each) for each in again],
        "extend": await modify(60, again[0].ack_id),
        "extend below zero": await modify(-1, again[0].ack_id),
        "extend too far": await modify(601, again[0].ack_id),
        "extend nothing": await modify(10),
        "acknowledge": await on.acknowledge(*again),
        "acknowledge twice": await on.acknowledge(*again),
        "acknowledge nothing": await acknowledge(),
        "acknowledge nonsense": await acknowledge("nonsense"),
        "after it": await on.rest(),
        "pull none": await on.seen(on.subscriber.pull(subscription=on.subscription, max_messages=0)),
        "publish none": await on.seen(on.publisher.publish(topic=on.topic, messages=[])),
        "publish the empty": await on.seen(
            on.publisher.publish(topic=on.topic, messages=[types.PubsubMessage()])
        ),
        "publish attributes alone": await on.seen(
            on.publisher.publish(topic=on.topic, messages=[types.PubsubMessage(attributes={"a": "b"})])
        ),
        "publish too many": await on.seen(
            on.publisher.publish(topic=on.topic, messages=[types.PubsubMessage(data=b"x")] * 1001)
        ),
    }


async def ordering(on: Session) -> Seen:
    await on.subscribe(enable_message_ordering=True)
    names = ["a1", "b1", "a2", "a3"]
    await on.publish(*(types.PubsubMessage(data=name.encode(), ordering_key=name[0]) for name in names))
    first = await on.pull_until(4)

    def of_a(received: list[types.ReceivedMessage]) -> list[types.ReceivedMessage]:
        return [each for each in received if each.message.ordering_key == "a"]

    seen: Seen = {"first": data(of_a(first)), "while they are leased": await on.rest()}
    await on.acknowledge(*(each for each in first if each.message.data in {b"a1", b"b1"}))
    await on.give_back(*(each for each in first if each.message.data in {b"a2", b"a3"}))
    again = await on.pull_until(2)
    seen["given back"] = data(again)
    await on.acknowledge(*again)
    seen["at last"] = await on.rest()
    return seen


async def filtering(on: Session) -> Seen:
    await on.subscribe()
    filtered = f"{on.project}/subscriptions/filtered"
    wanted = types.Subscription(name=filtered, topic=on.topic, filter='attributes.a = "x"')
    seen: Seen = {"create": plain(await on.subscriber.create_subscription(wanted))["filter"]}
    await on.publish(*(types.PubsubMessage(attributes={"a": value}) for value in "xy"))
    await on.pull_until(2)  # by then all are there
    received = await pull_now(on.subscriber, subscription=filtered)
    seen["passed"] = sorted(each.message.attributes["a"] for each in received)
    nonsense = types.Subscription(name=f"{filtered}-2", topic=on.topic, filter="nonsense")
    seen["nonsense"] = "error" in await on.seen(on.subscriber.create_subscription(nonsense))
    return seen


async def dead_letters(on: Session) -> Seen:
    dead = f"{on.project}/subscriptions/dead"
    dead_topic = f"{on.project}/topics/dead"
    await on.publisher.create_topic(name=dead_topic)
    await on.subscriber.create_subscription(name=dead, topic=dead_topic)
    await on.subscribe(dead_letter_policy={"dead_letter_topic": dead_topic})
    await on.publish(types.PubsubMessage(data=b"a", attributes={"k": "v"}, ordering_key="o"))
    attempts = []
    for _ in range(5):
        received = await on.pull()
        attempts.append(plain(received[0])["delivery_attempt"])
        await on.give_back(*received)
    left = await on.rest()  # Google's emulator forwards at the next pull
    (letter,) = await on.pull_until(1, dead)
    seen = plain(letter)
    published = seen["message"]["attributes"].pop("CloudPubSubDeadLetterSourceTopicPublishTime")
    return {
        "attempts": attempts,
        "letter": seen,
        "publish time": datetime.fromisoformat(published).tzinfo is not None and published.endswith("Z"),
        "left": left,
    }


async def exactly_once(on: Session) -> Seen:
    await on.subscribe(enable_exactly_once_delivery=True)
    await on.publish("a")
    received = await on.pull()

    async def refused(ack_id: str) -> Seen:
        try:
            await on.subscriber.acknowledge(subscription=on.subscription, ack_ids=[ack_id])
        except GoogleAPICallError as error:
            infos = [(info.reason, info.domain, *info.metadata.values()) for info in error.details]
            return {"code": error.code, "told": infos}
        return {}

    return {
        "acknowledge": await on.acknowledge(*received),
        "twice": await refused(received[0].ack_id),
        "nonsense": await refused("nonsense"),
        "left": await on.rest(),
    }


async def seeking(on: Session) -> Seen:
    await on.subscribe(retain_acked_messages=True)
    await on.publish("a", "b")
    received = await on.pull_until(2)
    await on.acknowledge(*received)
    seen: Seen = {"acknowledged": await on.rest()}

    async def seek(**target: Any) -> Seen:
        return await on.seen(
            on.subscriber.seek(types.SeekRequest({"subscription": on.subscription, **target}))
        )

    seen["back"] = await seek(time=received[0].message.publish_time - timedelta(seconds=10))
    again = await on.pull_until(2)
    seen["came back"] = sorted(data(again))
    seen["forward"] = await seek(time=datetime.now(UTC) + timedelta(seconds=60))
    await on.give_back(*again)
    seen["after it"] = await on.rest()
    seen["to nothing"] = await seek()
    seen["to no such snapshot"] = await seek(snapshot=f"{on.project}/snapshots/none")
    return seen


async def snapshots(on: Session) -> Seen:
    await on.subscribe()
    snapshot = f"{on.project}/snapshots/snapshot"
    subscriber = on.subscriber
    await on.publish("a")
    received = await on.pull()
    seen: Seen = {
        "create": await on.seen(subscriber.create_snapshot(name=snapshot, subscription=on.subscription)),
        "again": await on.seen(subscriber.create_snapshot(name=snapshot, subscription=on.subscription)),
        "get": await on.seen(subscriber.get_snapshot(snapshot=snapshot)),
        "list": await on.seen(subscriber.list_snapshots(project=on.project)),
        "of the topic": await on.seen(on.publisher.list_topic_snapshots(topic=on.topic)),
    }
    await on.acknowledge(*received)
    request = types.SeekRequest(subscription=on.subscription, snapshot=snapshot)
    seen["seek"] = await on.seen(subscriber.seek(request))
    seen["came back"] = data(await on.pull_until(1))
    seen["delete"] = await on.seen(subscriber.delete_snapshot(snapshot=snapshot))
    seen["delete again"] = await on.seen(subscriber.delete_snapshot(snapshot=snapshot))
    return seen


async def stream_errors(on: Session) -> Seen:
    await on.subscribe()
    openings: dict[str, dict[str, Any]] = {
        "no subscription": {"subscription": ""},
        "no deadline": {"stream_ack_deadline_seconds": 0},
        "deadline too short": {"stream_ack_deadline_seconds": 9},
        "deadline too long": {"stream_ack_deadline_seconds": 601},
        "nonsense acknowledged": {"ack_ids": ["nonsense"]},
    }
    seen: Seen = {}
    for step, fields in openings.items():
        async with streaming(on.subscriber, **{"subscription": on.subscription, **fields}) as stream:
            seen[step] = await on.seen(stream.response())
    async with streaming(on.subscriber, f"{on.project}/subscriptions/none") as stream:
        seen["no such subscription"] = await on.seen(stream.response())
    return seen


async def streamed(on: Session) -> Seen:
    await on.subscribe()
    await on.publish("a", "b", "c")
    arrived: list[str] = []
    async with streaming(on.subscriber, on.subscription, max_outstanding_messages=1) as stream:
        while len(arrived) < 3:
            received = await _next(stream)
            arrived.extend(data(received))
            stream.send(ack_ids=[each.ack_id for each in received])
    return {"arrived": sorted(arrived)}


async def _next(stream: Stream) -> list[types.ReceivedMessage]:
    """The next response that has messages."""
    while True:
        received = list((await stream.response()).received_messages)
        if received:
            return received


async def pushing(on: Session) -> Seen:
    arrived: asyncio.Queue[Received] = asyncio.Queue()

    async def take(request: Received) -> web.Response:
        arrived.put_nowait(request)
        return web.Response(status=204)

    async with receiver(take) as target, asyncio.timeout(20):
        push_config = {"push_endpoint": f"{target.url}/push"}
        await on.subscribe(push_config=push_config)
        await on.publish(types.PubsubMessage(data=b"\x00\xff", attributes={"k": "v"}))
        request = await arrived.get()
    body = json.loads(request.body)
    message = body["message"]
    return {
        "content type": request.headers["content-type"],
        "authorization": "authorization" in request.headers,
        "fields": sorted(body),
        "message fields": sorted(message),
        "data": base64.b64decode(message["data"]).hex(),
        "attributes": message["attributes"],
        "same id": message["messageId"] == message["message_id"],
        "subscription": body["subscription"],
    }

"""The policies of topics, subscriptions and snapshots, by Google's clients."""

from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.iam.v1.policy_pb2 import Binding, Policy
from google.pubsub_v1 import PublisherAsyncClient, SubscriberAsyncClient

from tests.emulator.pubsub.resources import PROJECT, SUBSCRIPTION, TOPIC

PUBLISHER = Binding(role="roles/pubsub.publisher", members=["serviceAccount:a@example.com"])


async def test_the_policy_of_a_topic_is_read_changed_and_written(publisher: PublisherAsyncClient) -> None:
    await publisher.create_topic(name=TOPIC)
    policy = await publisher.get_iam_policy({"resource": TOPIC})
    assert not policy.bindings
    policy.bindings.append(PUBLISHER)
    written = await publisher.set_iam_policy({"resource": TOPIC, "policy": policy})
    assert written.bindings == [PUBLISHER]
    assert await publisher.get_iam_policy({"resource": TOPIC}) == written
    with pytest.raises(exceptions.Aborted):
        await publisher.set_iam_policy({"resource": TOPIC, "policy": policy})
    await publisher.delete_topic(topic=TOPIC)
    await publisher.create_topic(name=TOPIC)
    assert not (await publisher.get_iam_policy({"resource": TOPIC})).bindings


async def test_a_subscription_has_a_policy_of_its_own(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await publisher.create_topic(name=TOPIC)
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    policy = Policy(bindings=[PUBLISHER])
    written = await subscriber.set_iam_policy({"resource": SUBSCRIPTION, "policy": policy})
    assert await subscriber.get_iam_policy({"resource": SUBSCRIPTION}) == written
    assert not (await publisher.get_iam_policy({"resource": TOPIC})).bindings
    await subscriber.delete_subscription(subscription=SUBSCRIPTION)
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    assert not (await subscriber.get_iam_policy({"resource": SUBSCRIPTION})).bindings


async def test_permissions_are_granted_on_what_exists(publisher: PublisherAsyncClient) -> None:
    asked = ["pubsub.topics.publish"]
    missing = await publisher.test_iam_permissions({"resource": TOPIC, "permissions": asked})
    assert missing.permissions == []
    with pytest.raises(exceptions.NotFound, match=r"Resource not found \(resource=events\)"):
        await publisher.get_iam_policy({"resource": TOPIC})
    await publisher.create_topic(name=TOPIC)
    answer = await publisher.test_iam_permissions({"resource": TOPIC, "permissions": asked})
    assert answer.permissions == asked
    with pytest.raises(exceptions.InvalidArgument, match="give the full name of a topic, subscription or"):
        await publisher.get_iam_policy({"resource": PROJECT})


async def test_a_snapshot_has_a_policy_until_it_is_deleted(
    publisher: PublisherAsyncClient, subscriber: SubscriberAsyncClient
) -> None:
    await publisher.create_topic(name=TOPIC)
    await subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    name = f"{PROJECT}/snapshots/before"
    await subscriber.create_snapshot(name=name, subscription=SUBSCRIPTION)
    await subscriber.set_iam_policy({"resource": name, "policy": Policy(bindings=[PUBLISHER])})
    assert (await subscriber.get_iam_policy({"resource": name})).bindings == [PUBLISHER]
    await subscriber.delete_snapshot(snapshot=name)
    with pytest.raises(exceptions.NotFound):
        await subscriber.get_iam_policy({"resource": name})

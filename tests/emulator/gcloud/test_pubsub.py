"""`gcloud pubsub` against the emulator: topics, subscriptions and messages, by chains of real commands."""

from __future__ import annotations

import pytest

from emulator import Emulator
from tests.emulator.gcloud.conftest import PROJECT, Gcloud, GcloudError
from tests.emulator.target import Target

pytestmark = pytest.mark.timeout(180)

TOPIC = f"projects/{PROJECT}/topics/orders"
PULL = f"projects/{PROJECT}/subscriptions/pull"


async def unacknowledged(emulator: Emulator) -> int:
    """Messages of the one subscription that are; a pull of none would wait for them, in virtual time."""
    (backlog,) = await emulator.pubsub.backlogs()
    return backlog.unacknowledged


async def test_topics(gcloud: Gcloud) -> None:
    (created,) = await gcloud("pubsub topics create orders --labels=a=b --message-retention-duration=1d")
    assert created["name"] == TOPIC
    assert (created["labels"], created["messageRetentionDuration"]) == ({"a": "b"}, "86400s")
    with pytest.raises(GcloudError, match="already exists"):
        await gcloud("pubsub topics create orders")
    updated = await gcloud(
        "pubsub topics update orders --update-labels=c=d --clear-message-retention-duration"
    )
    assert updated["labels"] == {"a": "b", "c": "d"}
    assert "messageRetentionDuration" not in updated
    assert await gcloud("pubsub topics list") == [updated]
    assert await gcloud("pubsub topics describe orders") == updated
    member = "--member=user:a@example.com --role=roles/pubsub.publisher"
    bound = await gcloud(f"pubsub topics add-iam-policy-binding orders {member}")
    assert bound["bindings"] == [{"members": ["user:a@example.com"], "role": "roles/pubsub.publisher"}]
    await gcloud("pubsub topics delete orders")
    with pytest.raises(GcloudError, match="NOT_FOUND: Resource not found"):
        await gcloud("pubsub topics describe orders")


async def test_a_subscriptions_settings(gcloud: Gcloud) -> None:
    await gcloud("pubsub topics create orders dead")
    (created,) = await gcloud(
        "pubsub subscriptions create pull --topic=orders --ack-deadline=20 --enable-message-ordering"
        " --dead-letter-topic=dead --max-delivery-attempts=5 --min-retry-delay=1s --max-retry-delay=20s"
        " --expiration-period=never",
        '--message-filter=attributes.kind="new"',
    )
    assert created["ackDeadlineSeconds"] == 20
    assert created["enableMessageOrdering"] is True
    assert created["filter"] == 'attributes.kind="new"'
    assert created["deadLetterPolicy"] == {
        "deadLetterTopic": f"projects/{PROJECT}/topics/dead",
        "maxDeliveryAttempts": 5,
    }
    assert created["retryPolicy"] == {"minimumBackoff": "1s", "maximumBackoff": "20s"}
    assert created["expirationPolicy"] == {}
    updated = await gcloud(
        "pubsub subscriptions update pull --ack-deadline=30 --clear-dead-letter-policy"
        " --message-retention-duration=1h"
    )
    assert (updated["ackDeadlineSeconds"], updated["messageRetentionDuration"]) == (30, "3600s")
    assert "deadLetterPolicy" not in updated
    assert updated["filter"] == created["filter"]
    assert await gcloud("pubsub subscriptions describe pull") == updated
    assert await gcloud("pubsub topics list-subscriptions orders") == [PULL]


async def test_messages_are_pulled(gcloud: Gcloud, emulator: Emulator) -> None:
    await gcloud("pubsub topics create orders")
    await gcloud(
        "pubsub subscriptions create pull --topic=orders --enable-message-ordering --retain-acked-messages",
        '--message-filter=attributes.kind="new"',
    )
    await gcloud("pubsub topics publish orders --message=old --attribute=kind=old")
    published = await gcloud(
        "pubsub topics publish orders --message=hi --attribute=kind=new --ordering-key=o"
    )
    (pulled,) = await gcloud("pubsub subscriptions pull pull --limit=3")
    message = pulled["message"]
    assert [message["messageId"]] == published["messageIds"]
    assert (message["data"], message["attributes"]) == ("aGk=", {"kind": "new"})
    assert message["orderingKey"] == "o"
    await gcloud("pubsub subscriptions ack pull", f"--ack-ids={pulled['ackId']}")
    assert await unacknowledged(emulator) == 0

    await gcloud("pubsub subscriptions seek pull --time=1970-01-01T00:00:00Z")
    assert await unacknowledged(emulator) == 1
    (again,) = await gcloud("pubsub subscriptions pull pull --auto-ack")
    assert again["message"]["messageId"] == message["messageId"]
    assert await unacknowledged(emulator) == 0


async def test_messages_are_pushed(gcloud: Gcloud, target: Target) -> None:
    await gcloud("pubsub topics create orders")
    (created,) = await gcloud(
        "pubsub subscriptions create push --topic=orders --push-endpoint=http://handler.example/push"
        " --push-auth-service-account=a@b.iam.gserviceaccount.com --push-auth-token-audience=aud"
    )
    assert created["pushConfig"]["oidcToken"] == {
        "audience": "aud",
        "serviceAccountEmail": "a@b.iam.gserviceaccount.com",
    }
    await gcloud("pubsub topics publish orders --message=hi")
    (request,) = await target.received(1)
    assert request.url == "http://handler.example/push"
    await gcloud("pubsub subscriptions modify-push-config push --push-endpoint=")
    await gcloud("pubsub topics publish orders --message=second")
    (pulled,) = await gcloud("pubsub subscriptions pull push --auto-ack")
    assert pulled["message"]["data"] == "c2Vjb25k"
    await gcloud("pubsub subscriptions delete push")
    with pytest.raises(GcloudError, match="NOT_FOUND"):
        await gcloud("pubsub subscriptions describe push")

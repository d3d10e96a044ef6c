"""What becomes of the queue catalog in Cloud Tasks and Pub/Sub."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from google.cloud.tasks_v2 import Queue, RateLimits, RetryConfig
from google.pubsub_v1 import types

from cli.resources import queues_of, subscriptions_of, topics_of
from contracts import Catalog, load_catalog

LOCATION = "projects/sidelane-local/locations/us-central1"


@pytest.fixture
def catalog() -> Catalog:
    return load_catalog(Path("infra/terraform/queues.yaml"))


def test_queues_become_cloud_tasks_resources(catalog: Catalog) -> None:
    queues = {queue.name: queue for queue in queues_of(catalog, LOCATION)}
    assert len(queues) == len(list(catalog.cloud_tasks_queues()))
    for queue in catalog:
        assert queues[f"{LOCATION}/queues/{queue.name}"] == Queue(
            name=f"{LOCATION}/queues/{queue.name}",
            rate_limits=RateLimits(
                max_dispatches_per_second=queue.rate_limits.max_dispatches_per_second,
                max_concurrent_dispatches=queue.rate_limits.max_concurrent_dispatches,
            ),
            retry_config=RetryConfig(
                max_attempts=-1,
                min_backoff=queue.retry.min_backoff,
                max_backoff=queue.retry.max_backoff,
                max_doublings=queue.retry.max_doublings,
            ),
        )
        sibling = queues[f"{LOCATION}/queues/{queue.retry_queue}"]
        rate = queue.retry_rate_limits.max_dispatches_per_second
        assert sibling.rate_limits.max_dispatches_per_second == rate


def test_every_topic_has_one_subscription(catalog: Catalog) -> None:
    names = [topic.name for topic in topics_of(catalog, "p")]
    wanted = [*(topic.name for topic in catalog.event_topics()), *catalog.dead_letter_topics()]
    assert names == [f"projects/p/topics/{name}" for name in wanted]
    assert [subscription.topic for subscription in subscriptions_of(catalog, "p")] == names


def test_dead_letters_wait_or_are_pushed_from_a_subscription_of_their_topics_name(catalog: Catalog) -> None:
    def buried(url: str | None) -> list[types.Subscription]:
        made = subscriptions_of(catalog, "p", dead_letter_url=url)
        return made[-len(catalog.dead_letter_topics()) :]

    for subscription in buried(None):
        assert subscription == types.Subscription(
            name=subscription.topic.replace("/topics/", "/subscriptions/"), topic=subscription.topic
        )
    assert {name.rpartition("/")[2] for name in (each.topic for each in buried(None))} >= {
        "developer-webhooks-dead",
        "conversation-created-dead",
    }
    assert buried("http://127.0.0.1:9/dead")[0].push_config == types.PushConfig(
        push_endpoint="http://127.0.0.1:9/dead",
        oidc_token=types.PushConfig.OidcToken(
            service_account_email="dead-letters@p.iam.gserviceaccount.com",
            audience="http://127.0.0.1:9/dead",
        ),
    )


def test_events_are_pushed_and_buried_by_pub_sub_itself(catalog: Catalog) -> None:
    event, *_ = subscriptions_of(catalog, "p", handlers_url="http://127.0.0.1:9/")
    topic, *_ = catalog.event_topics()
    assert topic.name == "conversation-created"
    assert event.name == "projects/p/subscriptions/conversation-created-handlers"
    assert event.push_config == types.PushConfig(
        push_endpoint="http://127.0.0.1:9/events/conversation-created-handlers",
        oidc_token=types.PushConfig.OidcToken(
            service_account_email="events@p.iam.gserviceaccount.com",
            audience="http://127.0.0.1:9/events",
        ),
    )
    assert event.ack_deadline_seconds == 60
    assert event.retry_policy.minimum_backoff == timedelta(seconds=5)
    assert event.retry_policy.maximum_backoff == timedelta(seconds=600)
    assert event.dead_letter_policy == types.DeadLetterPolicy(
        dead_letter_topic="projects/p/topics/conversation-created-dead", max_delivery_attempts=100
    )
    assert not any(each.push_config.push_endpoint for each in subscriptions_of(catalog, "p"))

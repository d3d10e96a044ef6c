"""Turns the queue catalog into Google's resources, as Terraform does it in the cloud. Pure; creates none."""

from __future__ import annotations

from datetime import timedelta

from google.cloud.tasks_v2 import types as tasks_types
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import types as pubsub_types

from contracts import Catalog, EventTopic


def queues_of(catalog: Catalog, parent: str) -> list[tasks_types.Queue]:
    """The catalog's queues as Cloud Tasks resources under `parent` (`projects/P/locations/L`)."""
    return [
        tasks_types.Queue(
            name=f"{parent}/queues/{queue.name}",
            rate_limits=tasks_types.RateLimits(
                max_dispatches_per_second=queue.rate_limits.max_dispatches_per_second,
                max_concurrent_dispatches=queue.rate_limits.max_concurrent_dispatches,
            ),
            retry_config=tasks_types.RetryConfig(
                max_attempts=queue.retry.max_attempts,
                min_backoff=queue.retry.min_backoff,
                max_backoff=queue.retry.max_backoff,
                max_doublings=queue.retry.max_doublings,
            ),
        )
        for queue in catalog.cloud_tasks_queues()
    ]


def topics_of(catalog: Catalog, project: str) -> list[pubsub_types.Topic]:
    """Every topic of the catalog: those of events, and those of dead letters."""
    names = (*(topic.name for topic in catalog.event_topics()), *catalog.dead_letter_topics())
    return [pubsub_types.Topic(name=_topic(project, name)) for name in names]


def subscriptions_of(
    catalog: Catalog, project: str, *, dead_letter_url: str | None = None, handlers_url: str | None = None
) -> list[pubsub_types.Subscription]:
    """A subscription for each topic: push with an OIDC token, or pull where there is no URL.

    That of a dead-letter topic has the topic's name. That of a topic of events is pushed to
    `{handlers_url}/events/{subscription}`, and Pub/Sub itself buries what is never taken.
    """
    dead_letters = None
    if dead_letter_url is not None:
        dead_letters = _push(dead_letter_url, f"dead-letters@{project}", audience=dead_letter_url)
    return [
        *(_event_subscription(topic, project, handlers_url) for topic in catalog.event_topics()),
        *(
            pubsub_types.Subscription(
                name=_subscription(project, name), topic=_topic(project, name), push_config=dead_letters
            )
            for name in catalog.dead_letter_topics()
        ),
    ]


def _event_subscription(
    topic: EventTopic, project: str, handlers_url: str | None
) -> pubsub_types.Subscription:
    push = None
    if handlers_url is not None:
        base = f"{handlers_url.rstrip('/')}/events"
        push = _push(f"{base}/{topic.subscription}", f"events@{project}", audience=base)
    return pubsub_types.Subscription(
        name=_subscription(project, topic.subscription),
        topic=_topic(project, topic.name),
        push_config=push,
        ack_deadline_seconds=int(topic.ack_deadline.total_seconds()),
        retry_policy=pubsub_types.RetryPolicy(
            minimum_backoff=_duration(topic.min_backoff), maximum_backoff=_duration(topic.max_backoff)
        ),
        dead_letter_policy=pubsub_types.DeadLetterPolicy(
            dead_letter_topic=_topic(project, topic.dead_letter_topic),
            max_delivery_attempts=topic.max_delivery_attempts,
        ),
    )


def _push(endpoint: str, account: str, *, audience: str) -> pubsub_types.PushConfig:
    return pubsub_types.PushConfig(
        push_endpoint=endpoint,
        oidc_token=pubsub_types.PushConfig.OidcToken(
            service_account_email=f"{account}.iam.gserviceaccount.com", audience=audience
        ),
    )


def _topic(project: str, name: str) -> str:
    return f"projects/{project}/topics/{name}"


def _subscription(project: str, name: str) -> str:
    return f"projects/{project}/subscriptions/{name}"


def _duration(value: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(value)
    return duration

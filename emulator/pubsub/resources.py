"""Checks topics and subscriptions and fills in Google's defaults; pure, and it never stores one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import grpc
from google.pubsub_v1 import types

from emulator.errors import ApiError, InvalidArgumentError
from emulator.pubsub import backoff, filters, names
from emulator.pubsub.answers import not_served
from emulator.pubsub.durations import duration, seconds
from emulator.pubsub.push_config import checked_push_config

ACK_DEADLINE = 10  # seconds; default and least
LONGEST_ACK_DEADLINE = 600
RETENTION = 7 * 86_400  # seconds
SHORTEST_RETENTION = 600
LONGEST_RETENTION = 31 * 86_400
EXPIRATION = (
    31 * 86_400
)  # seconds without use after which the service deletes a subscription; this one keeps it
SHORTEST_EXPIRATION = 86_400
DELIVERY_ATTEMPTS = 5  # default and least
MOST_DELIVERY_ATTEMPTS = 100

MUTABLE_OF_TOPIC = frozenset(
    {
        "ingestion_data_source_settings",
        "kms_key_name",
        "labels",
        "message_retention_duration",
        "message_storage_policy",
        "message_transforms",
        "schema_settings",
    }
)
MUTABLE_OF_SUBSCRIPTION = frozenset(
    {
        "ack_deadline_seconds",
        "bigquery_config",
        "bigtable_config",
        "cloud_storage_config",
        "dead_letter_policy",
        "enable_exactly_once_delivery",
        "expiration_policy",
        "labels",
        "message_retention_duration",
        "message_transforms",
        "push_config",
        "retain_acked_messages",
        "retry_policy",
    }
)
MUTABLE_OF_SNAPSHOT = frozenset({"expire_time", "labels"})

_UNSERVED_OF_TOPIC = frozenset({"ingestion_data_source_settings", "message_transforms", "schema_settings"})
_UNSERVED_OF_SUBSCRIPTION = frozenset(
    {"bigquery_config", "bigtable_config", "cloud_storage_config", "message_transforms"}
)


def checked_topic(topic: types.Topic) -> types.Topic:
    """The topic as it is stored. Raises INVALID_ARGUMENT or, for what is not served, UNIMPLEMENTED."""
    names.check_topic(topic.name)
    _refuse_unserved("Topic", types.Topic.pb(topic), _UNSERVED_OF_TOPIC)
    checked = types.Topic(topic, state=types.Topic.State.ACTIVE)
    if "message_retention_duration" in topic:
        checked.message_retention_duration = duration(_retention("Topic", topic))
    return checked


def checked_subscription(subscription: types.Subscription) -> types.Subscription:
    """A new subscription as it is stored; raises as `checked_topic` does."""
    names.check_topic(subscription.topic)
    checked = checked_settings(subscription)
    checked.detached = False
    return checked


def checked_settings(subscription: types.Subscription) -> types.Subscription:
    """A subscription, whose topic may be gone, as it is stored.

    Settings without an effect here (labels, expiration) are kept and answered as given.
    """
    names.check_subscription(subscription.name)
    _refuse_unserved("Subscription", types.Subscription.pb(subscription), _UNSERVED_OF_SUBSCRIPTION)
    filters.parse(subscription.filter)
    checked = types.Subscription(subscription, state=types.Subscription.State.ACTIVE)
    checked.push_config = checked_push_config(subscription.push_config)
    checked.ack_deadline_seconds = subscription.ack_deadline_seconds or ACK_DEADLINE
    if not ACK_DEADLINE <= checked.ack_deadline_seconds <= LONGEST_ACK_DEADLINE:
        raise InvalidArgumentError(
            f"Subscription.ack_deadline_seconds is {subscription.ack_deadline_seconds}: "
            f"give {ACK_DEADLINE} to {LONGEST_ACK_DEADLINE} seconds, or 0 for {ACK_DEADLINE}."
        )
    checked.message_retention_duration = duration(_retention("Subscription", subscription))
    checked.expiration_policy = _checked_expiration_policy(subscription)
    if "retry_policy" in subscription:
        checked.retry_policy = _checked_retry_policy(subscription.retry_policy)
    if "dead_letter_policy" in subscription:
        checked.dead_letter_policy = _checked_dead_letter_policy(subscription.dead_letter_policy)
    if checked.enable_exactly_once_delivery and checked.push_config.push_endpoint:
        raise InvalidArgumentError(
            "Subscription.enable_exactly_once_delivery is set on a push subscription: "
            "exactly-once delivery is for pull subscriptions. Leave out one of the two."
        )
    return checked


def _retention(kind: str, resource: Any) -> float:
    retention = seconds(resource, "message_retention_duration", RETENTION)
    if not SHORTEST_RETENTION <= retention <= LONGEST_RETENTION:
        raise InvalidArgumentError(
            f"{kind}.message_retention_duration is {retention:g} s: "
            "give 10 minutes (600 s) to 31 days (2678400 s), or leave it out."
        )
    return retention


def _checked_expiration_policy(subscription: types.Subscription) -> types.ExpirationPolicy:
    """A policy without a time to live means never; no policy means the default one."""
    if "expiration_policy" not in subscription:
        return types.ExpirationPolicy(ttl=duration(EXPIRATION))
    policy = subscription.expiration_policy
    if "ttl" not in policy:
        return types.ExpirationPolicy()
    ttl = seconds(policy, "ttl", EXPIRATION)
    if ttl < SHORTEST_EXPIRATION:
        raise InvalidArgumentError(
            f"Subscription.expiration_policy.ttl is {ttl:g} s: give 1 day (86400 s) or more, "
            "or leave it out for a subscription that never expires."
        )
    return types.ExpirationPolicy(policy)


def _checked_retry_policy(policy: types.RetryPolicy) -> types.RetryPolicy:
    minimum = seconds(policy, "minimum_backoff", backoff.DEFAULT_MINIMUM)
    maximum = seconds(policy, "maximum_backoff", backoff.DEFAULT_MAXIMUM)
    for field, value in (("minimum_backoff", minimum), ("maximum_backoff", maximum)):
        if not 0 <= value <= backoff.DEFAULT_MAXIMUM:
            raise InvalidArgumentError(
                f"Subscription.retry_policy.{field} is {value:g} s: give 0 to 600 seconds."
            )
    if minimum > maximum:
        raise InvalidArgumentError(
            f"Subscription.retry_policy.minimum_backoff ({minimum:g} s) is more than "
            f"maximum_backoff ({maximum:g} s): give a smaller one."
        )
    return types.RetryPolicy(minimum_backoff=duration(minimum), maximum_backoff=duration(maximum))


def _checked_dead_letter_policy(policy: types.DeadLetterPolicy) -> types.DeadLetterPolicy:
    names.check_topic(policy.dead_letter_topic)
    attempts = policy.max_delivery_attempts or DELIVERY_ATTEMPTS
    bound, limit = (
        ("small", DELIVERY_ATTEMPTS) if attempts < DELIVERY_ATTEMPTS else ("large", MOST_DELIVERY_ATTEMPTS)
    )
    if not DELIVERY_ATTEMPTS <= attempts <= MOST_DELIVERY_ATTEMPTS:
        raise ApiError(
            grpc.StatusCode.OUT_OF_RANGE,  # as Google's emulator answers
            f"The value for max_delivery_attempts is too {bound}. You passed {attempts} in the request, "
            f"but the {'minimum' if bound == 'small' else 'maximum'} value is {limit}.",
        )
    return types.DeadLetterPolicy(dead_letter_topic=policy.dead_letter_topic, max_delivery_attempts=attempts)


def _refuse_unserved(kind: str, resource: Any, unserved: Collection[str]) -> None:
    for field, _ in resource.ListFields():
        if field.name in unserved:
            raise not_served(f"{kind}.{field.name}", "leave the field out")

"""Checks topics and subscriptions and fills in Google's defaults; pure, and it never stores one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from google.protobuf import duration_pb2
from google.pubsub_v1 import types

from emulator.errors import InvalidArgumentError
from emulator.pubsub import backoff, names
from emulator.pubsub.answers import not_served
from emulator.pubsub.durations import seconds

ACK_DEADLINE = 10  # seconds; default and least
LONGEST_ACK_DEADLINE = 600
RETENTION = 7 * 86_400  # seconds
SHORTEST_RETENTION = 600
LONGEST_RETENTION = 31 * 86_400

_UNSERVED_OF_TOPIC = frozenset({"schema_settings", "ingestion_data_source_settings", "message_transforms"})
_UNSERVED_OF_SUBSCRIPTION = frozenset(
    {
        "bigquery_config",
        "bigtable_config",
        "cloud_storage_config",
        "dead_letter_policy",
        "detached",
        "enable_exactly_once_delivery",
        "enable_message_ordering",
        "filter",
        "message_transforms",
        "retain_acked_messages",
    }
)


def checked_topic(topic: types.Topic) -> types.Topic:
    """The topic as it is stored. Raises INVALID_ARGUMENT or, for what is not served, UNIMPLEMENTED."""
    names.check_topic(topic.name)
    _refuse_unserved("Topic", types.Topic.pb(topic), _UNSERVED_OF_TOPIC)
    return types.Topic(topic, state=types.Topic.State.ACTIVE)


def checked_subscription(subscription: types.Subscription) -> types.Subscription:
    """The subscription as it is stored; raises as `checked_topic` does.

    Settings without an effect here (labels, keys, regions, expiration) are kept and answered as given.
    """
    names.check_subscription(subscription.name)
    names.check_topic(subscription.topic)
    _refuse_unserved("Subscription", types.Subscription.pb(subscription), _UNSERVED_OF_SUBSCRIPTION)
    checked = types.Subscription(subscription, state=types.Subscription.State.ACTIVE)
    checked.push_config = checked_push_config(subscription.push_config)
    checked.ack_deadline_seconds = subscription.ack_deadline_seconds or ACK_DEADLINE
    if not ACK_DEADLINE <= checked.ack_deadline_seconds <= LONGEST_ACK_DEADLINE:
        raise InvalidArgumentError(
            f"Subscription.ack_deadline_seconds is {subscription.ack_deadline_seconds}: "
            f"give {ACK_DEADLINE} to {LONGEST_ACK_DEADLINE} seconds, or 0 for {ACK_DEADLINE}."
        )
    retention = seconds(subscription, "message_retention_duration", RETENTION)
    if not SHORTEST_RETENTION <= retention <= LONGEST_RETENTION:
        raise InvalidArgumentError(
            f"Subscription.message_retention_duration is {retention:g} s: "
            "give 10 minutes (600 s) to 31 days (2678400 s), or leave it out for 7 days."
        )
    checked.message_retention_duration = _duration(retention)
    if "retry_policy" in subscription:
        checked.retry_policy = _checked_retry_policy(subscription.retry_policy)
    return checked


def checked_push_config(config: types.PushConfig) -> types.PushConfig:
    """A push configuration; one without an endpoint makes its subscription a pull one."""
    if not config.push_endpoint:
        return types.PushConfig()
    _refuse_unserved("PushConfig", types.PushConfig.pb(config), frozenset({"no_wrapper"}))
    if not _is_http_url(config.push_endpoint):
        raise InvalidArgumentError(
            f"Invalid push endpoint given (endpoint={config.push_endpoint[:300]}). "
            "Give an absolute URL that begins with http:// or https://."
        )
    if "oidc_token" in config and not config.oidc_token.service_account_email:
        raise InvalidArgumentError(
            "PushConfig.oidc_token.service_account_email is empty: give the service account that signs "
            "the pushes, or leave oidc_token out."
        )
    checked = types.PushConfig(config)
    version = checked.attributes.setdefault("x-goog-version", "v1")
    if version not in {"v1", "v1beta2"}:
        raise InvalidArgumentError(
            f'PushConfig.attributes["x-goog-version"] is "{version[:50]}": only v1 is served.'
        )
    return checked


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
    return types.RetryPolicy(minimum_backoff=_duration(minimum), maximum_backoff=_duration(maximum))


def _duration(length: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromMicroseconds(round(length * 1_000_000))
    return duration


def _refuse_unserved(kind: str, resource: Any, unserved: Collection[str]) -> None:
    for field, _ in resource.ListFields():
        if field.name in unserved:
            raise not_served(f"{kind}.{field.name}", "leave the field out")


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where the port is no number
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)

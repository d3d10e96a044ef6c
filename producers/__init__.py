"""The request path: a typed task becomes a named, durable Cloud Task and a receipt. Runs no task."""

from __future__ import annotations

from producers.bulk import notify_many
from producers.connection import Connection
from producers.enqueue import cancel, enqueue, enqueue_many, publish, publish_event
from producers.errors import (
    AlreadyOpen,
    GeocodingBusy,
    GeocodingFailed,
    GeocodingRefused,
    InvalidIdentity,
    InvalidSchedule,
    InvalidSettings,
    NotOpen,
    NotSignedIn,
    NotYours,
    PartlyEnqueued,
    PayloadGone,
    ProducerError,
    Refused,
    RequestRefused,
    TaskTooLarge,
    ThirdPartyBusy,
    ThirdPartyFailed,
    ThirdPartySlow,
    TooManyRequests,
    UnknownQueue,
    UnknownTopic,
    Unreachable,
    UnregisteredTask,
)
from producers.geocoding import ApiKey, Geocoder
from producers.producer import Producer
from producers.receipt import Receipt
from producers.settings import BaseUrl, EmulatorHost, LocalDefault, ProducerSettings
from producers.trace import TraceContext, in_trace

__all__ = (
    "AlreadyOpen",
    "ApiKey",
    "BaseUrl",
    "Connection",
    "EmulatorHost",
    "Geocoder",
    "GeocodingBusy",
    "GeocodingFailed",
    "GeocodingRefused",
    "InvalidIdentity",
    "InvalidSchedule",
    "InvalidSettings",
    "LocalDefault",
    "NotOpen",
    "NotSignedIn",
    "NotYours",
    "PartlyEnqueued",
    "PayloadGone",
    "Producer",
    "ProducerError",
    "ProducerSettings",
    "Receipt",
    "Refused",
    "RequestRefused",
    "TaskTooLarge",
    "ThirdPartyBusy",
    "ThirdPartyFailed",
    "ThirdPartySlow",
    "TooManyRequests",
    "TraceContext",
    "UnknownQueue",
    "UnknownTopic",
    "Unreachable",
    "UnregisteredTask",
    "cancel",
    "enqueue",
    "enqueue_many",
    "in_trace",
    "notify_many",
    "publish",
    "publish_event",
)

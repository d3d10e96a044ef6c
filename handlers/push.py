"""Reads what Pub/Sub or Eventarc sends to a push endpoint, in each of their four forms. Pure.

| form | where the message is |
|---|---|
| wrapped push | JSON body `{"message": {...}, "subscription": ...}` |
| unwrapped push with metadata | the body is the data; attributes and ids are headers |
| CloudEvent, binary | as a wrapped push, and `ce-*` headers |
| CloudEvent, structured | `application/cloudevents+json` whose `data` is a wrapped push |

Sources: cloud.google.com/pubsub/docs/push, …/payload-unwrapping, and the CloudEvents HTTP binding 1.0.2.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
)

from contracts import Undecodable

MESSAGE_PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"
_STRUCTURED = "application/cloudevents+json"
_UNWRAPPED = "x-goog-pubsub-"
_NOT_ATTRIBUTES = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "forwarded",
        "from",
        "host",
        "traceparent",
        "user-agent",
    }
)
_MAY_BE_EMPTY = {"identity": "", "target": "", "owner": "", "detail": ""}
"""Attributes that a header may have dropped: HTTP has no empty or non-Latin header on every way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One message of a topic, whatever form it came in."""

    data: bytes
    attributes: Mapping[str, str]
    message_id: str
    """Empty where the form does not tell."""
    published_at: datetime | None
    subscription: str
    """The id of the subscription that pushed it, without its project; empty where not told."""

    def attribute(self, name: str) -> str | None:
        """The attribute of this name in any case: headers have lost theirs."""
        found = self.attributes.get(name)
        return self.attributes.get(name.lower()) if found is None else found

    def to_json(self) -> bytes:
        """All of it, for a message that must be kept without being understood; see `from_json`."""
        return json.dumps(
            {
                "data": base64.b64encode(self.data).decode(),
                "attributes": dict(self.attributes),
                "messageId": self.message_id,
                "publishTime": self.published_at.isoformat() if self.published_at else None,
                "subscription": self.subscription,
            }
        ).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Pushed:
        """Read `to_json`. Raises `Undecodable`."""
        try:
            kept = _KEPT.validate_json(text)
        except ValidationError as error:
            raise _fault("no kept message", error, text) from error
        return _pushed(kept, kept.subscription)


def _decoded(value: object) -> object:
    """Strictly: what is left out of a damaged text must not pass for the data."""
    return base64.b64decode(value, validate=True) if isinstance(value, str) else value


_Base64 = Annotated[bytes, BeforeValidator(_decoded)]


class _Message(BaseModel):
    data: _Base64 = b""
    attributes: dict[str, str] = {}
    message_id: str = Field("", validation_alias=AliasChoices("messageId", "message_id"))
    publish_time: AwareDatetime | None = Field(
        None, validation_alias=AliasChoices("publishTime", "publish_time")
    )


class _Kept(_Message):
    subscription: str


class _Push(BaseModel):
    message: _Message
    subscription: str = ""


def _without_parameters(value: object) -> object:
    return value.partition(";")[0].strip().lower() if isinstance(value, str) else value


class _CloudEvent(BaseModel):
    """The attributes that a CloudEvent must have (specification 1.0.2), and the one type that we take."""

    specversion: Literal["1.0"]
    type: Literal["google.cloud.pubsub.topic.v1.messagePublished"]
    id: str = Field(min_length=1)
    source: str = Field(min_length=1)
    content_type: Annotated[
        Literal["application/json"],
        BeforeValidator(_without_parameters),
        Field(validation_alias=AliasChoices("datacontenttype", "content-type")),
    ] = "application/json"


class _Structured(_CloudEvent):
    data: _Push | None = None
    data_base64: _Base64 | None = None


class _UnwrappedMetadata(BaseModel):
    message_id: str = Field(validation_alias="x-goog-pubsub-message-id", min_length=1)
    publish_time: AwareDatetime | None = Field(None, validation_alias="x-goog-pubsub-publish-time")
    subscription: str = Field("", validation_alias="x-goog-pubsub-subscription-name")


_KEPT = TypeAdapter(_Kept)
_PUSH = TypeAdapter(_Push)


def read_push(headers: Mapping[str, str], body: bytes) -> Pushed:
    """The message in a request; names of `headers` are in lower case.

    Raises:
        Undecodable: it is in none of the four forms; the message names the field.
    """
    kind = "no Pub/Sub push message"
    try:
        if _without_parameters(headers.get("content-type", "")) == _STRUCTURED:
            kind = "no CloudEvent of Pub/Sub"
            event = _Structured.model_validate_json(body)
            push = event.data or _PUSH.validate_json(event.data_base64 or b"")
        elif "ce-type" in headers or "ce-specversion" in headers:
            kind = "no CloudEvent of Pub/Sub"
            told = {name.removeprefix("ce-"): value for name, value in headers.items()}
            _CloudEvent.model_validate(told)
            push = _PUSH.validate_json(body)
        elif _UNWRAPPED + "message-id" in headers:
            kind = "no unwrapped push message"
            return _unwrapped(headers, body)
        else:
            push = _PUSH.validate_json(body)
    except ValidationError as error:
        raise _fault(kind, error, body) from error
    return _pushed(push.message, push.subscription)


def _unwrapped(headers: Mapping[str, str], body: bytes) -> Pushed:
    metadata = _UnwrappedMetadata.model_validate(headers)
    attributes = {
        name: value
        for name, value in headers.items()
        if name not in _NOT_ATTRIBUTES and not name.startswith(("x-", "ce-"))
    }
    return Pushed(
        data=body,
        attributes=_MAY_BE_EMPTY | attributes,
        message_id=metadata.message_id,
        published_at=metadata.publish_time,
        subscription=_last(metadata.subscription),
    )


def _pushed(message: _Message, subscription: str) -> Pushed:
    return Pushed(
        data=message.data,
        attributes=message.attributes,
        message_id=message.message_id,
        published_at=message.publish_time,
        subscription=_last(subscription),
    )


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _fault(kind: str, error: ValidationError, body: bytes) -> Undecodable:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "body"
    return Undecodable(f"{kind}: field {place!r}: {first['msg']}", body)

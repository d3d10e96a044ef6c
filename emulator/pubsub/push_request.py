"""Words the request that pushes a message, as Pub/Sub words it; pure, and it signs and sends nothing."""

from __future__ import annotations

import base64
import json
import re

from google.pubsub_v1 import types

from emulator.engine.exchange import HttpRequest

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset(
    {
        "accept",
        "authorization",
        "connection",
        "content-length",
        "from",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def push_request(
    subscription: types.Subscription,
    message: types.PubsubMessage,
    *,
    attempt: int | None,
    token: str | None,
) -> HttpRequest:
    """The request of https://cloud.google.com/pubsub/docs/push#receive_push, or the unwrapped message.

    `attempt` is told where there is a dead-letter policy; `token` is the bearer.
    """
    push_config = subscription.push_config
    headers = {"Accept": "application/json", "From": "noreply@google.com", "User-Agent": "CloudPubSub-Google"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if "no_wrapper" in push_config:
        body = message.data
        if push_config.no_wrapper.write_metadata:
            headers = {**_metadata(subscription, message), **headers}
    else:
        headers["Content-Type"] = "application/json"
        wrapped: dict[str, object] = {"message": _message(message), "subscription": subscription.name}
        if attempt is not None:
            wrapped["deliveryAttempt"] = attempt
        body = json.dumps(wrapped).encode()
    return HttpRequest(
        method="POST", url=push_config.push_endpoint, headers=headers, body=body, source=subscription.name
    )


def audience(push_config: types.PushConfig) -> str:
    """Whom an ID token is for: the endpoint's URL, unless the configuration names another."""
    return push_config.oidc_token.audience or push_config.push_endpoint


def _metadata(subscription: types.Subscription, message: types.PubsubMessage) -> dict[str, str]:
    """The headers of `NoWrapper.write_metadata`; an attribute that no header can carry is left out."""
    metadata = {
        "x-goog-pubsub-subscription-name": subscription.name,
        "x-goog-pubsub-message-id": message.message_id,
        "x-goog-pubsub-publish-time": types.PubsubMessage.pb(message).publish_time.ToJsonString(),
    }
    if message.ordering_key:
        metadata["x-goog-pubsub-ordering-key"] = message.ordering_key
    attributes = {
        key: value
        for key, value in message.attributes.items()
        if key.lower() not in _OURS and _HEADER_NAME.fullmatch(key)
    }
    return {key: value for key, value in (attributes | metadata).items() if _HEADER_VALUE.fullmatch(value)}


def _message(message: types.PubsubMessage) -> dict[str, object]:
    """Both spellings of id and time, as the service sends them; what is empty is left out."""
    published = types.PubsubMessage.pb(message).publish_time.ToJsonString()
    worded: dict[str, object] = {
        "messageId": message.message_id,
        "message_id": message.message_id,
        "publishTime": published,
        "publish_time": published,
    }
    if message.data:
        worded["data"] = base64.b64encode(message.data).decode()
    if message.attributes:
        worded["attributes"] = dict(message.attributes)
    if message.ordering_key:
        worded["orderingKey"] = message.ordering_key
    return worded

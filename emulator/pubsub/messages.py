"""Checks the messages of a publish against Google's limits; pure, and it never stores one."""

from __future__ import annotations

from collections.abc import Sequence

from google.pubsub_v1 import types

from emulator.errors import InvalidArgumentError

# https://cloud.google.com/pubsub/quotas#resource_limits; sizes in bytes of UTF-8
MESSAGES = 1000
REQUEST_BYTES = 10_000_000
SERVER_MESSAGE_BYTES = 20_000_000  # what a server should let in, so that a publish too large is answered here
ATTRIBUTES = 100
KEY_BYTES = 256
VALUE_BYTES = 1024
ORDERING_KEY_BYTES = 1024


def check_publish(messages: Sequence[types.PubsubMessage]) -> None:
    """Raises INVALID_ARGUMENT naming the message and the limit that it breaks."""
    if not messages:
        raise InvalidArgumentError("PublishRequest.messages is empty: give at least one message.")
    if len(messages) > MESSAGES:
        raise InvalidArgumentError(
            f"The value for message_count is too large. You passed {len(messages)} in the request, "
            f"but the maximum value is {MESSAGES}: split the publish."
        )
    size = sum(types.PubsubMessage.pb(message).ByteSize() for message in messages)
    if size > REQUEST_BYTES:
        raise InvalidArgumentError(
            f"Request payload size exceeds the limit: {REQUEST_BYTES} bytes. The messages take {size} bytes: "
            "publish fewer at once, or put large data elsewhere and publish where it is."
        )
    for index, message in enumerate(messages):
        _check(message, f"PublishRequest.messages[{index}]")


def _check(message: types.PubsubMessage, where: str) -> None:
    if not message.data and not message.attributes:
        raise InvalidArgumentError(
            f"{where} is empty. Each message must contain either non-empty data, or at least one attribute."
        )
    if len(message.attributes) > ATTRIBUTES:
        raise InvalidArgumentError(
            f"{where} has {len(message.attributes)} attributes; the maximum is {ATTRIBUTES}."
        )
    for key, value in message.attributes.items():
        if not key or len(key.encode()) > KEY_BYTES:
            raise _invalid_size(f"{where}.attributes has a key", key, f"1 to {KEY_BYTES}")
        if key.startswith("goog"):
            raise InvalidArgumentError(
                f'{where}.attributes has the key "{key}": keys that begin with "goog" are reserved.'
            )
        if len(value.encode()) > VALUE_BYTES:
            raise _invalid_size(f'{where}.attributes["{key}"] is a value', value, f"at most {VALUE_BYTES}")
    if len(message.ordering_key.encode()) > ORDERING_KEY_BYTES:
        raise _invalid_size(f"{where}.ordering_key is", message.ordering_key, f"at most {ORDERING_KEY_BYTES}")


def _invalid_size(subject: str, text: str, allowed: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{subject} of {len(text.encode())} bytes; give {allowed} bytes.")

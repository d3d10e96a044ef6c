"""Reads what Pub/Sub pushes: a dead letter in the wrapped form of a push subscription. Pure."""

from __future__ import annotations

from pydantic import Base64Bytes, BaseModel, ValidationError

from contracts import DeadLetter, Undecodable


class _Message(BaseModel):
    data: Base64Bytes = b""
    attributes: dict[str, str] = {}


class _Push(BaseModel):
    message: _Message


def read_push(body: bytes) -> DeadLetter:
    """The dead letter in a push request's body.

    Raises:
        Undecodable: the body is no push message, or its message is no dead letter.
    """
    try:
        push = _Push.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise Undecodable(f"no Pub/Sub push message: field {place!r}: {first['msg']}", body) from error
    return DeadLetter.from_message(push.message.data, push.message.attributes)

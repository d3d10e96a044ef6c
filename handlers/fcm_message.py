"""What Firebase Cloud Messaging is sent, and what its answers mean. Pure: the one table of both.

| FCM answers                                                  | meaning                                   |
|--------------------------------------------------------------|-------------------------------------------|
| 200 with the message's name                                  | taken                                     |
| UNREGISTERED; NOT_FOUND; INVALID_ARGUMENT on the token       | the device is gone: forget it             |
| INVALID_ARGUMENT otherwise                                   | this message will never be taken          |
| SENDER_ID_MISMATCH                                           | the device belongs to another project     |
| 429, QUOTA_EXCEEDED                                          | nobody goes for Retry-After, at least 60 s |
| 401, 403                                                     | we are not let in: park, until it is mended |
| THIRD_PARTY_AUTH_ERROR                                       | our key for APNs or web push is not valid |
| 500, 503 and everything else, malformed answers too          | failed: by the schedule, or Retry-After   |

Codes are those of https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, Field, ValidationError

from contracts import Notification
from handlers.delivery import Busy, End, HandlerBug, Reason, Returned, TargetFailed, TargetRefused
from lanes import Answer, retry_after

QUOTA_PAUSE = timedelta(minutes=1)
"""The least that Google asks for after QUOTA_EXCEEDED; its quota is one of a minute."""
LONGEST_PAUSE = timedelta(hours=1)
"""What one answer may make everybody wait."""
REFUSED_PAUSE = timedelta(minutes=1)
"""Until we look whether somebody has mended our credentials."""

MAX_BYTES = 4096
"""Of what the device gets, keys and values; FCM refuses a longer message."""
_FRAME_BYTES = 512
"""Of it, for the names and marks around title, body and data."""

_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_TOKEN_FIELD = "message.token"  # noqa: S105  (the name of a field)


@dataclass(frozen=True, slots=True)
class DeviceGone:
    """FCM knows no such device, and will know it no more: its token is to be forgotten."""

    detail: str


@dataclass(frozen=True, slots=True)
class NotLetIn:
    """FCM did not take our access token."""

    detail: str
    is_stale: bool
    """A new token may be taken (401); one of the same account is not (403)."""


def message_of(notification: Notification, token: str) -> bytes:
    """The body of `messages:send` for one device.

    Equal notifications about one subject collapse: while they wait for the device (`collapse_key`,
    `Topic`, `apns-collapse-id`), and on its screen (`tag`, `apns-collapse-id`). A body that is too long for
    FCM is cut: a device shows a few lines of it at most.
    """
    key = notification.collapse_key
    webpush: dict[str, object] = {"headers": {"Topic": key}}  # RFC 8030, 5.4: 32 characters at most
    if notification.link is not None:
        webpush["fcm_options"] = {"link": notification.link}
    message: dict[str, object] = {
        "token": token,
        "notification": {"title": notification.title, "body": _body_of(notification)},
        "data": notification.data,
        "android": {"collapse_key": key, "notification": {"tag": key}},
        "apns": {"headers": {"apns-collapse-id": key}},
        "webpush": webpush,
    }
    return json.dumps({"message": message}).encode()


def _body_of(notification: Notification) -> str:
    others = [notification.title, *notification.data, *notification.data.values()]
    room = max(MAX_BYTES - _FRAME_BYTES - sum(len(text.encode()) for text in others), 0)
    body = notification.body.encode()
    if len(body) <= room:
        return notification.body
    return body[: max(room - len("…".encode()), 0)].decode(errors="ignore") + "…"


def judge(answer: Answer, now: datetime) -> End | DeviceGone | NotLetIn:
    """What an answer means. Its details name codes and fields, never values: those are private."""
    if 200 <= answer.status < 300:
        if _names_message(answer.body):
            return Returned()
        return TargetFailed(f"answered {answer.status} without the name of a message: that was not FCM")
    error = _error(answer.body)
    asked = retry_after(answer.headers.get("retry-after"), now)
    detail = f"answered {answer.status}{error}"
    match answer.status, error.code or error.status:
        case _, "UNREGISTERED" | "NOT_FOUND":
            return DeviceGone(detail)
        case 400, "INVALID_ARGUMENT":
            return DeviceGone(detail) if error.is_of_token else TargetRefused(Reason.REFUSED, detail)
        case _, "SENDER_ID_MISMATCH":
            # Not forgotten: were our own project set wrong, this would forget every device there is.
            return TargetRefused(
                Reason.WRONG_SENDER,
                f"{detail}: the device belongs to another project; see SIDELANE_FCM_PROJECT",
            )
        case _, "THIRD_PARTY_AUTH_ERROR":
            return HandlerBug(
                f"{detail}: the project's APNs key or web push key is missing or not valid; set it there"
            )
        case (429, _) | (_, "QUOTA_EXCEEDED"):
            pause = min(max(asked or QUOTA_PAUSE, QUOTA_PAUSE), LONGEST_PAUSE)
            return Busy(now + pause, detail)
        case 401 | 403 as status, _:
            return NotLetIn(detail, is_stale=status == 401)
        case _:
            return TargetFailed(detail, retry_after=asked)


class _Detail(BaseModel):
    class Violation(BaseModel):
        field: str = ""

    type: str = Field(default="", alias="@type")
    error_code: str = Field(default="", alias="errorCode")
    violations: tuple[Violation, ...] = Field(default=(), alias="fieldViolations")


class _Error(BaseModel):
    """`google.rpc.Status` in JSON, as far as it is known and well-formed."""

    status: str = ""
    message: str = ""
    details: tuple[_Detail, ...] = ()

    @property
    def code(self) -> str:
        """FCM's own, which says more than the status: UNREGISTERED for NOT_FOUND."""
        return next((one.error_code for one in self.details if one.type == _FCM_ERROR), "")

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(one.field for detail in self.details for one in detail.violations)

    @property
    def is_of_token(self) -> bool:
        """FCM names the field, or no field at all and speaks of the token."""
        if self.fields:
            return _TOKEN_FIELD in self.fields
        return "registration token" in self.message.lower()

    def __str__(self) -> str:
        parts = [self.code or self.status, f"({', '.join(self.fields)})" if self.fields else ""]
        return "".join(f" {part}" for part in parts if part)


class _Failed(BaseModel):
    error: _Error


class _Sent(BaseModel):
    name: str = Field(min_length=1)


def _error(body: bytes) -> _Error:
    try:
        return _Failed.model_validate_json(body).error
    except ValidationError:
        return _Error()


def _names_message(body: bytes) -> bool:
    try:
        _Sent.model_validate_json(body)
    except ValidationError:
        return False
    return True

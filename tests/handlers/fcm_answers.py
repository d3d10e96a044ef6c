"""Answers in the shape of FCM HTTP v1, as its documentation shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from aiohttp import web

from contracts import Notification
from tests.receiver import Received

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
NOTIFICATION = Notification(
    uid="u", event="e1", subject="c1", title="A walk", body="is over", data={"id": "c1"}
)


def sent(name: str = "projects/p/messages/0:1500415314455276") -> web.Response:
    return web.json_response({"name": name})


def refusal(
    status: int,
    canonical: str,
    code: str | None = None,
    *,
    message: str = "Request contains an invalid argument.",
    fields: Sequence[str] = (),
) -> bytes:
    details: list[Mapping[str, object]] = []
    if code is not None:
        details.append({"@type": FCM_ERROR, "errorCode": code})
    if fields:
        violations = [{"field": field, "description": "Invalid"} for field in fields]
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
    error = {"code": status, "message": message, "status": canonical, "details": details}
    return json.dumps({"error": error}).encode()


UNREGISTERED = refusal(404, "NOT_FOUND", "UNREGISTERED", message="Requested entity was not found.")
QUOTA_EXCEEDED = refusal(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", message="Quota exceeded.")
UNAUTHENTICATED = refusal(401, "UNAUTHENTICATED", message="Request had invalid authentication credentials.")


def message_in(got: Received) -> dict[str, object]:
    """What was asked to be sent."""
    message = json.loads(got.body)["message"]
    assert isinstance(message, dict)
    return message

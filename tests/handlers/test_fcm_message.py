"""The message on the wire, and FCM's documented errors one by one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from httpx import Headers

from handlers.delivery import Busy, HandlerBug, Reason, Returned, TargetFailed, TargetRefused
from handlers.fcm_message import MAX_BYTES, DeviceGone, NotLetIn, judge, message_of
from lanes import Answer
from tests.handlers.fcm_answers import NOTIFICATION, QUOTA_EXCEEDED, UNAUTHENTICATED, UNREGISTERED, refusal

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def answer(status: int, body: bytes, **headers: str) -> Answer:
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(status=status, headers=named, body=body, truncated=False)


def test_a_message_holds_what_the_device_shows_and_collapses_everywhere() -> None:
    key = NOTIFICATION.collapse_key
    assert len(key) <= 32  # RFC 8030, 5.4
    assert json.loads(message_of(NOTIFICATION, "t1")) == {
        "message": {
            "token": "t1",
            "notification": {"title": "A walk", "body": "is over"},
            "data": {"id": "c1"},
            "android": {"collapse_key": key, "notification": {"tag": key}},
            "apns": {"headers": {"apns-collapse-id": key}},
            "webpush": {"headers": {"Topic": key}},
        }
    }


def test_a_link_is_for_browsers() -> None:
    linked = NOTIFICATION.model_copy(update={"link": "https://example.com/c1"})
    webpush = json.loads(message_of(linked, "t1"))["message"]["webpush"]
    assert webpush["fcm_options"] == {"link": "https://example.com/c1"}


@pytest.mark.parametrize("letter", ["a", "д", "☂", "🌧"])
def test_a_body_that_is_too_long_is_cut_between_letters(letter: str) -> None:
    long = NOTIFICATION.model_copy(update={"body": letter * 2000, "data": {"k": "v" * 1000}})
    shown = json.loads(message_of(long, "t1"))["message"]
    words = (*shown["notification"].values(), *shown["data"], *shown["data"].values())
    size = sum(len(word.encode()) for word in words)
    assert size <= MAX_BYTES - 512
    body = shown["notification"]["body"]
    if len(letter.encode()) == 1:
        assert body == long.body
    else:
        assert body == letter * (len(body) - 1) + "…"
        assert size > MAX_BYTES - 512 - 2 * len(letter.encode())


def test_data_that_leaves_no_room_is_fcms_to_refuse() -> None:
    full = NOTIFICATION.model_copy(update={"data": {"k": "v" * 5000}})
    assert json.loads(message_of(full, "t1"))["message"]["notification"]["body"] == "…"


def test_what_fcm_names_was_taken() -> None:
    assert judge(answer(200, b'{"name": "projects/p/messages/1"}'), NOW) == Returned()


@pytest.mark.parametrize(
    "body", [b"", b"<html>Sign in</html>", b"{}", b'{"name": ""}', b'{"name": 7}', b"[]"]
)
def test_a_success_that_is_not_fcms_is_none(body: bytes) -> None:
    assert isinstance(judge(answer(200, body), NOW), TargetFailed)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, UNREGISTERED),
        (404, refusal(404, "NOT_FOUND", message="Requested entity was not found.")),
        (
            400,
            refusal(
                400,
                "INVALID_ARGUMENT",
                "INVALID_ARGUMENT",
                message="The registration token is not a valid FCM registration token",
            ),
        ),
        (400, refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", fields=["message.token"])),
        (400, refusal(400, "INVALID_ARGUMENT", fields=["message.token"])),
    ],
)
def test_a_device_that_is_gone(status: int, body: bytes) -> None:
    assert isinstance(judge(answer(status, body), NOW), DeviceGone)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (refusal(400, "INVALID_ARGUMENT"), "answered 400 INVALID_ARGUMENT"),
        (
            refusal(
                400, "INVALID_ARGUMENT", message="Invalid value at 'x', private", fields=["message.data[0]"]
            ),
            "answered 400 INVALID_ARGUMENT (message.data[0])",
        ),
        (
            refusal(400, "INVALID_ARGUMENT", message="no registration token", fields=["message.webpush"]),
            "answered 400 INVALID_ARGUMENT (message.webpush)",
        ),
    ],
)
def test_a_message_that_is_never_taken_costs_no_device(body: bytes, detail: str) -> None:
    assert judge(answer(400, body), NOW) == TargetRefused(Reason.REFUSED, detail)


def test_a_device_of_another_project_stays() -> None:
    end = judge(answer(403, refusal(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")), NOW)
    assert isinstance(end, TargetRefused)
    assert end.reason is Reason.WRONG_SENDER
    assert "SIDELANE_FCM_PROJECT" in end.detail


def test_a_key_of_ours_that_apple_refuses_is_our_fault_and_no_fault_of_our_token() -> None:
    end = judge(answer(401, refusal(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")), NOW)
    assert isinstance(end, HandlerBug)


@pytest.mark.parametrize(
    ("status", "body", "asked", "seconds"),
    [
        (429, QUOTA_EXCEEDED, None, 60),
        (429, QUOTA_EXCEEDED, "5", 60),
        (429, QUOTA_EXCEEDED, "90", 90),
        (429, QUOTA_EXCEEDED, "Sun, 01 Nov 2026 12:02:00 GMT", 120),
        (429, QUOTA_EXCEEDED, "999999999", 3600),
        (429, b"<html>", None, 60),
        (403, refusal(403, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), None, 60),
    ],
)
def test_a_quota_makes_everybody_wait(status: int, body: bytes, asked: str | None, seconds: int) -> None:
    headers = {} if asked is None else {"retry_after": asked}
    end = judge(answer(status, body, **headers), NOW)
    assert isinstance(end, Busy)
    assert end.until == NOW + timedelta(seconds=seconds)


def test_who_is_not_let_in_may_have_a_stale_token() -> None:
    assert judge(answer(401, UNAUTHENTICATED), NOW) == NotLetIn("answered 401 UNAUTHENTICATED", is_stale=True)
    denied = refusal(403, "PERMISSION_DENIED", message="Permission denied on resource")
    assert judge(answer(403, denied), NOW) == NotLetIn("answered 403 PERMISSION_DENIED", is_stale=False)


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (500, refusal(500, "INTERNAL", "INTERNAL"), "answered 500 INTERNAL"),
        (503, refusal(503, "UNAVAILABLE", "UNAVAILABLE"), "answered 503 UNAVAILABLE"),
        (502, b"<!DOCTYPE html>", "answered 502"),
        (404, b"<!DOCTYPE html>", "answered 404"),
        (404, b'{"error": "NOT_FOUND"}', "answered 404"),
        (404, b'{"error": {"status": "NOT_FOUND", "details": 3}}', "answered 404"),
        (400, b"\xff\x00", "answered 400"),
        (400, b"[" * 100_000, "answered 400"),
        (302, b"", "answered 302"),
    ],
)
def test_everything_else_failed_and_forgets_no_device(status: int, body: bytes, detail: str) -> None:
    assert judge(answer(status, body), NOW) == TargetFailed(detail)


def test_a_service_that_is_away_says_when_to_come_back() -> None:
    end = judge(answer(503, refusal(503, "UNAVAILABLE", "UNAVAILABLE"), retry_after="17"), NOW)
    assert end == TargetFailed("answered 503 UNAVAILABLE", retry_after=timedelta(seconds=17))

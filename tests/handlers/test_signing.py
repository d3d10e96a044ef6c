"""Signatures against the published vector and the published library."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from handlers.signing import signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_published_vector() -> None:
    headers = signed_headers(
        SECRET,
        delivery_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        body=b'{"test": 2432232314}',
        now=datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(body=st.text())
def test_the_published_library_verifies_it(body: str) -> None:
    content = b'{"text": "' + body.encode("unicode_escape").replace(b"\\", b"").replace(b'"', b"") + b'"}'
    headers = signed_headers(SECRET, delivery_id="msg_1", body=content, now=datetime.now(UTC))
    Webhook(SECRET).verify(content, headers)


def test_bytes_that_are_no_text_are_signed_as_they_are() -> None:
    one = signed_headers(SECRET, delivery_id="m", body=b"\xff\x00", now=datetime(2026, 1, 1, tzinfo=UTC))
    other = signed_headers(SECRET, delivery_id="m", body=b"\xff\x01", now=datetime(2026, 1, 1, tzinfo=UTC))
    assert one["webhook-signature"] != other["webhook-signature"]


@pytest.mark.parametrize(("secret", "fault"), [("whsec_!!", "not base64"), ("whsec_c2hvcnQ=", "5 bytes")])
def test_a_key_that_is_none(secret: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        signed_headers(secret, delivery_id="m", body=b"", now=datetime.now(UTC))

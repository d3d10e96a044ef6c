"""Signatures against the published vectors and the published library."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from handlers.errors import BadSigningKey
from handlers.signing import Scheme, new_secret, public_key, scheme_of, signed_headers
from stores import SigningKey

V1 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
V1A = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
NOW = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
V1_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
V1A_SIGNATURE = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

secrets_of_v1 = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())
secrets_of_v1a = st.binary(min_size=32, max_size=32).map(lambda key: "whsk_" + base64.b64encode(key).decode())


moments = st.integers(0, 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def keys(*secrets: str) -> tuple[SigningKey, ...]:
    return tuple(SigningKey(secret=secret) for secret in secrets)


def signatures(
    signed_by: Iterable[SigningKey], *, body: bytes = BODY, delivery_id: str = ID, now: datetime = NOW
) -> list[str]:
    return signed_headers(signed_by, delivery_id=delivery_id, body=body, now=now)["webhook-signature"].split()


def verify_v1a(headers: dict[str, str], body: bytes, public: str) -> None:
    """As a receiver does; raises `InvalidSignature`."""
    scheme, _, signature = headers["webhook-signature"].partition(",")
    assert scheme == "v1a"
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    key.verify(base64.b64decode(signature), content)


@pytest.mark.parametrize(("secret", "signature"), [(V1, V1_SIGNATURE), (V1A, V1A_SIGNATURE)])
def test_the_published_vectors(secret: str, signature: str) -> None:
    assert signed_headers(keys(secret), delivery_id=ID, body=BODY, now=NOW) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": signature,
    }


def test_a_v1a_key_may_be_its_seed_alone() -> None:
    seed = base64.b64decode(V1A.removeprefix("whsk_"))[:32]
    assert signatures(keys("whsk_" + base64.b64encode(seed).decode())) == [V1A_SIGNATURE]


def test_every_key_that_has_not_expired_signs_in_order() -> None:
    expiring = SigningKey(secret=V1A, not_after=NOW + timedelta(seconds=1))
    both = (*keys(V1), expiring)
    assert signatures(both) == [V1_SIGNATURE, V1A_SIGNATURE]
    assert len(signatures(both, now=NOW + timedelta(seconds=1))) == 1


@given(secret=secrets_of_v1, old=secrets_of_v1, data=st.dictionaries(st.text(), st.text()))
def test_the_published_library_verifies_text_and_its_bytes(
    secret: str, old: str, data: dict[str, str]
) -> None:
    text = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace").decode()
    headers = signed_headers(
        keys(secret, old), delivery_id="msg_1", body=text.encode(), now=datetime.now(UTC)
    )
    for key in (secret, old):
        Webhook(key).verify(text, headers)
        Webhook(key).verify(text.encode(), headers)


@given(secret=secrets_of_v1, text=st.text(st.characters(codec="utf-8")), at=moments)
def test_v1_signs_text_as_the_published_library_does(secret: str, text: str, at: datetime) -> None:
    signed = signatures(keys(secret), body=text.encode(), now=at)
    assert signed == [Webhook(secret).sign(ID, at, text)]


@pytest.mark.parametrize("change", ["body", "webhook-id", "webhook-timestamp", "key"])
@given(body=st.text(st.characters(codec="utf-8")))
def test_v1_of_anything_else_is_refused_by_the_published_library(change: str, body: str) -> None:
    headers = signed_headers(keys(V1), delivery_id="msg_1", body=body.encode(), now=datetime.now(UTC))
    key = "whsec_" + "A" * 32 if change == "key" else V1
    if change in headers:
        earlier = int(headers["webhook-timestamp"]) - 1
        headers[change] = str(earlier) if change == "webhook-timestamp" else "msg_2"
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(key).verify(body + "x" if change == "body" else body, headers, json_parse=False)


@given(secret=secrets_of_v1a, body=st.binary())
def test_v1a_is_verified_by_the_public_half_whatever_the_body(secret: str, body: bytes) -> None:
    headers = signed_headers(keys(secret), delivery_id=ID, body=body, now=NOW)
    verify_v1a(headers, body, public_key(secret))
    for tampered, content in (
        (headers, body + b"\0"),
        ({**headers, "webhook-id": ID + "x"}, body),
        ({**headers, "webhook-timestamp": "1614265331"}, body),
    ):
        with pytest.raises(InvalidSignature):
            verify_v1a(tampered, content, public_key(secret))
    with pytest.raises(InvalidSignature):
        verify_v1a(headers, body, PUBLIC)


@given(body=st.binary(), other=st.binary())
def test_bytes_that_are_no_text_are_signed_as_they_are(body: bytes, other: bytes) -> None:
    same = signatures(keys(V1), body=b"\xff" + body) == signatures(keys(V1), body=b"\xff" + other)
    assert same == (body == other)


def test_a_new_key_signs_and_has_the_public_half_that_its_scheme_has() -> None:
    fresh = {scheme: new_secret(scheme, lambda count: b"\x07" * count) for scheme in Scheme}
    assert {scheme_of(secret): secret[:6] for secret in fresh.values()} == {"v1": "whsec_", "v1a": "whsk_B"}
    assert [one.partition(",")[0] for one in signatures(keys(*fresh.values()))] == ["v1", "v1a"]
    assert public_key(V1A) == PUBLIC
    with pytest.raises(BadSigningKey, match="no public half"):
        public_key(V1)


HALVES = V1A.removeprefix("whsk_")
OTHER_PUBLIC = base64.b64encode(base64.b64decode(HALVES)[:32] + bytes(32)).decode()


@pytest.mark.parametrize(
    ("secret", "fault"),
    [
        ("whsec_!!notbase64!!", "not base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSé", "not base64"),
        ("whsec_c2hvcnQ=", "24 to 64 bytes, this one 5"),
        ("whsec_" + base64.b64encode(bytes(65)).decode(), "this one 65"),
        ("whsec_" + base64.b64encode(bytes(23)).decode(), "this one 23"),
        ("whsk_" + base64.b64encode(bytes(33)).decode(), "this one 33"),
        ("whsk_" + OTHER_PUBLIC, "public half belongs to another"),
        (PUBLIC, 'begins with "whsec_"'),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 'begins with "whsec_"'),
    ],
)
def test_a_key_that_is_none_is_named_with_its_remedy_and_not_shown(secret: str, fault: str) -> None:
    with pytest.raises(BadSigningKey, match=fault) as raised:
        signatures(keys(V1, secret))
    assert str(raised.value).startswith("keys[1].secret: ")
    assert "rotate-key" in str(raised.value)
    shown = "".join(traceback.format_exception(raised.value))
    assert secret.partition("_")[2][:12] not in shown or secret.startswith("Mf")


def test_with_no_key_left_nothing_is_sent_unsigned() -> None:
    for none_signs in ((), (SigningKey(secret=V1, not_after=NOW),)):
        with pytest.raises(BadSigningKey, match="rotate-key"):
            signatures(none_signs)

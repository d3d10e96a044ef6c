"""A JSON Web Key Set is read as far as it holds RSA keys for signatures, and refused where it is none."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from lanes.issuer_keys import read_jwks

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()


def encoded(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=").decode()


RSA = {"kty": "RSA", "kid": "a", "n": encoded(KEY.public_numbers().n), "e": "AQAB"}


def test_rsa_keys_for_signatures_are_read_by_their_ids() -> None:
    others = [
        {"kty": "EC", "kid": "b", "crv": "P-256", "x": "AA", "y": "AA"},
        {**RSA, "kid": "c", "use": "enc"},
        {**RSA, "kid": "d", "use": "sig", "alg": "RS256", "more": 1},
    ]
    assert read_jwks(json.dumps({"keys": [RSA, *others]}).encode()) == {"a": KEY, "d": KEY}


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        b'{"keys": {}}',
        json.dumps({"keys": [{**RSA, "n": ""}]}).encode(),
        json.dumps({"keys": [{**RSA, "n": "AAé"}]}).encode(),
        json.dumps({"keys": [{**RSA, "e": "AA"}]}).encode(),
    ],
)
def test_what_is_no_key_set_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_jwks(body)

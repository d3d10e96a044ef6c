"""The reference that a task carries in the place of its payload: one form for ever."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts import BlobReference, Envelope, Undecodable, owner_digest

PAYLOAD = b'{"a":1}'
ENCODED = (
    b"blob:777f6f13e943f60d85d25757cc1caa69"
    b"/015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862/7"
)


def test_a_reference_is_written_so_and_read_back() -> None:
    reference = BlobReference.of(PAYLOAD, owner="u1")
    assert reference.encode() == ENCODED
    assert BlobReference.read(ENCODED) == reference
    assert reference.key == f"{owner_digest('u1')}/{reference.sha256}"


def test_owner_and_content_each_make_a_name_of_their_own() -> None:
    keys = {BlobReference.of(what, owner=who).key for what in (b"a", b"b") for who in ("u1", "u2", "")}
    assert len(keys) == 6


@pytest.mark.parametrize("payload", [b"", PAYLOAD, b'"blob:"', b" blob:"])
def test_a_payload_is_no_reference(payload: bytes) -> None:
    assert BlobReference.read(payload) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"blob:",
        ENCODED + b"\n",
        ENCODED + b"x",
        b"blob:" + ENCODED[5:].upper(),
        b"blob:../a/1",
        ENCODED[:-1],
        b"blob:" + b"/" * 99,
    ],
)
def test_what_only_begins_as_a_reference_is_undecodable(payload: bytes) -> None:
    with pytest.raises(Undecodable, match="no reference to a blob"):
        BlobReference.read(payload)


def test_an_envelope_carries_either_under_one_first_line() -> None:
    envelope = Envelope(
        type="t", version=1, identity="i", accepted_at=datetime(2026, 5, 1, tzinfo=UTC), payload=PAYLOAD
    )
    referring = envelope.carrying(ENCODED)
    assert Envelope.decode(referring.encode()) == referring
    assert referring.encode().partition(b"\n")[0] == envelope.encode().partition(b"\n")[0]
    assert referring.task_id == envelope.task_id
    assert referring.carrying(PAYLOAD) == envelope

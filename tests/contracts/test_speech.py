"""Audio that a speech job takes, and what names it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from contracts import (
    BlobReference,
    Embedding,
    ProfileMatch,
    Question,
    SpeakerEmbedding,
    SpeechJob,
    StoredAudio,
    TranscriptSegment,
    Voice,
    VoiceActivity,
)

SEGMENT = TranscriptSegment(text="Hi", start=0, end=1)


def job(question: Question | None = None, **fields: Any) -> SpeechJob:
    values = {"uid": "u", "job_id": "j", "sample_rate": 8000, "audio": b"\0\0", **fields}
    return SpeechJob(question=question or Embedding(), **values)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"audio": b""}, "audio"),
        ({"audio": b"\0\0\0"}, "whole samples"),
        ({"audio": bytes(16000 * 300 + 2)}, "at most 300 s, it is 300.0 s: send it in several jobs"),
        ({"sample_rate": 7999}, "sample_rate"),
        ({"sample_rate": 48001}, "sample_rate"),
        ({"uid": ""}, "uid"),
        ({"job_id": "x" * 129}, "job_id"),
        ({"question": {"kind": "transcript"}}, "question"),
        ({"question": {"kind": "profile_match", "segments": []}}, "segments"),
    ],
)
def test_a_job_that_cannot_be_run_is_not_built(fields: dict[str, object], says: str) -> None:
    values = {"uid": "u", "job_id": "j", "sample_rate": 8000, "audio": b"\0\0", "question": Embedding()}
    with pytest.raises(ValidationError, match=says):
        SpeechJob.model_validate({**values, **fields})


def stored(content: bytes, owner: str = "u") -> StoredAudio:
    return StoredAudio(blob=BlobReference.of(content, owner=owner).encode().decode())


@pytest.mark.parametrize(
    ("audio", "says"),
    [
        (stored(bytes(3)), "whole samples"),
        (stored(bytes(16000 * 300 + 2)), "at most 300 s"),
        (stored(bytes(2), owner="v"), "must be the user's own"),
        ({"blob": "blob:../../etc/passwd/2"}, "blob"),
        ({"blob": "blob:" + "0" * 32 + "/" + "0" * 64 + "/2\n"}, "blob"),
    ],
)
def test_stored_audio_keeps_to_the_same_rules_and_is_the_users_own(audio: object, says: str) -> None:
    values = {"uid": "u", "job_id": "j", "sample_rate": 8000, "question": Embedding()}
    with pytest.raises(ValidationError, match=says):
        SpeechJob.model_validate({**values, "audio": audio})


def test_stored_audio_tells_its_length() -> None:
    assert job(audio=stored(bytes(16000))).seconds == 1


def test_five_minutes_are_taken() -> None:
    assert job(audio=bytes(16000 * 300)).seconds == 300


def test_an_identity_names_user_job_and_kind() -> None:
    jobs = (
        job(),
        job(VoiceActivity()),
        job(ProfileMatch(segments=(SEGMENT,))),
        job(job_id="other"),
        job(uid="other"),
    )
    assert len({each.identity() for each in jobs}) == 5
    assert {each.owner() for each in jobs} == {"u", "other"}


def test_services_fail_apart_and_for_all_users_alike() -> None:
    assert job().target() == job(uid="other").target()
    assert job().target() != job(VoiceActivity()).target()


@pytest.mark.parametrize("vector", [[], [float("nan")], [1e400], [0.0] * 4097, ["x"]])
def test_a_vector_that_is_none_is_refused(vector: list[object]) -> None:
    with pytest.raises(ValidationError, match="vector"):
        SpeakerEmbedding.model_validate({"vector": vector})


def test_a_voice_does_not_end_before_it_starts() -> None:
    with pytest.raises(ValidationError, match="end must not be before start"):
        Voice(start=2, end=1)

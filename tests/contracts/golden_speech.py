"""Envelopes of speech jobs as released code wrote them: what each file in `golden/` holds."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts import (
    Embedding,
    Envelope,
    ProfileMatch,
    Question,
    SpeechJob,
    StoredAudio,
    Task,
    TranscriptSegment,
    VoiceActivity,
)

STORED = StoredAudio(
    blob="blob:90c244328920c89f2052fa2c63cc5928/"
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08/640000"
)


def _job(question: Question, audio: bytes | StoredAudio = b"\x00\x01\xff\x80") -> tuple[Envelope, Task]:
    return (
        Envelope(
            type="speech-job",
            version=1,
            identity=f"{question.kind}/ann/job-1",
            accepted_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            payload=b"",
        ),
        SpeechJob(uid="ann", job_id="job-1", question=question, sample_rate=16000, audio=audio),
    )


SPEECH: dict[str, tuple[Envelope, Task]] = {
    "speech-job.v1.embedding.ndjson": _job(Embedding()),
    "speech-job.v1.voice-activity.ndjson": _job(VoiceActivity()),
    "speech-job.v1.stored-audio.ndjson": _job(VoiceActivity(), STORED),
    "speech-job.v1.profile-match.ndjson": _job(
        ProfileMatch(segments=(TranscriptSegment(text="Zoë ☂", speaker_id=1, start=0.5, end=1.25),))
    ),
}

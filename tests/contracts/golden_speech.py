"""Envelopes of speech jobs as released code wrote them: what each file in `golden/` holds."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts import (
    Embedding,
    Envelope,
    ProfileMatch,
    Question,
    SpeechJob,
    Task,
    TranscriptSegment,
    VoiceActivity,
)


def _job(question: Question) -> tuple[Envelope, Task]:
    return (
        Envelope(
            type="speech-job",
            version=1,
            identity=f"{question.kind}/ann/job-1",
            accepted_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            payload=b"",
        ),
        SpeechJob(
            uid="ann", job_id="job-1", question=question, sample_rate=16000, audio=bytes([0, 1, 255, 128])
        ),
    )


SPEECH: dict[str, tuple[Envelope, Task]] = {
    "speech-job.v1.embedding.ndjson": _job(Embedding()),
    "speech-job.v1.voice-activity.ndjson": _job(VoiceActivity()),
    "speech-job.v1.profile-match.ndjson": _job(
        ProfileMatch(segments=(TranscriptSegment(text="Zoë ☂", speaker_id=1, start=0.5, end=1.25),))
    ),
}

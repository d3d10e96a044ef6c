"""The speech job: what is to be found out of a stretch of audio, and the name of that event. Pure."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.claim_check import BlobReference, owner_digest
from contracts.identity import identity_of
from contracts.task import Task
from contracts.webhooks import TranscriptSegment

MAX_SECONDS = 300
"""Longest audio of one job."""
_BYTES_PER_SAMPLE = 2


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Embedding(_Shape):
    """The speaker's voice as a vector: near vectors are one speaker's."""

    kind: Literal["embedding"] = "embedding"


class VoiceActivity(_Shape):
    """When somebody speaks."""

    kind: Literal["voice_activity"] = "voice_activity"


class ProfileMatch(_Shape):
    """Which of the segments the user speaks, or a person that the user knows."""

    kind: Literal["profile_match"] = "profile_match"
    segments: tuple[TranscriptSegment, ...] = Field(min_length=1, max_length=10_000)
    """Seconds are those of the audio."""


Question = Annotated[Embedding | VoiceActivity | ProfileMatch, Field(discriminator="kind")]
SpeechKind = Literal["embedding", "voice_activity", "profile_match"]


class StoredAudio(_Shape):
    """Audio that lies in the blob store already, among what is the user's own."""

    blob: str = Field(pattern=r"^blob:[0-9a-f]{32}/[0-9a-f]{64}/[0-9]{1,12}$")
    """`BlobReference.encode()` as text."""

    @property
    def reference(self) -> BlobReference:
        reference = BlobReference.read(self.blob.encode())
        if reference is None:
            raise AssertionError("the pattern lets nothing else pass")
        return reference


class SpeechJob(Task):
    """Ask a speech service about a stretch of audio, and keep what it answers."""

    name: ClassVar[str] = "speech-job"
    queue: ClassVar[str] = "speech-jobs"

    uid: str = Field(min_length=1, max_length=128)
    job_id: str = Field(min_length=1, max_length=128)
    """Minted by who asks; the results are found by it. Asking again is another job."""
    question: Question
    sample_rate: int = Field(ge=8000, le=48_000)
    """Hertz."""
    audio: Annotated[bytes, Field(min_length=_BYTES_PER_SAMPLE)] | StoredAudio
    """PCM16, little-endian, mono. Above the queue's inline limit the task itself goes to the blob store."""

    @model_validator(mode="after")
    def _audio_is_whole_and_short(self) -> Self:
        if isinstance(self.audio, StoredAudio) and self.audio.reference.owner != owner_digest(self.uid):
            raise ValueError("audio must be the user's own: the blob is kept for somebody else")
        if self.size % _BYTES_PER_SAMPLE:
            raise ValueError(f"audio must be whole samples of {_BYTES_PER_SAMPLE} bytes: its last one is cut")
        if self.seconds > MAX_SECONDS:
            raise ValueError(
                f"audio must be at most {MAX_SECONDS} s, it is {self.seconds:.1f} s: send it in several jobs"
            )
        return self

    @property
    def seconds(self) -> float:
        """How long the audio is."""
        return self.size / (_BYTES_PER_SAMPLE * self.sample_rate)

    @property
    def size(self) -> int:
        """Of the audio, in bytes."""
        return self.audio.reference.size if isinstance(self.audio, StoredAudio) else len(self.audio)

    def identity(self) -> str:
        return identity_of(self.question.kind, self.uid, self.job_id)

    def target(self) -> str:
        """Each kind has a service of its own, for all users."""
        return identity_of("speech", self.question.kind)

    def owner(self) -> str:
        return self.uid


class SpeakerEmbedding(_Shape):
    kind: Literal["embedding"] = "embedding"
    vector: tuple[float, ...] = Field(min_length=1, max_length=4096)


class Voice(_Shape):
    """Somebody speaks from `start` to `end`, in seconds of the audio."""

    start: float = Field(ge=0)
    end: float = Field(ge=0)

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Self:
        if self.end < self.start:
            raise ValueError("end must not be before start")
        return self


class VoicesFound(_Shape):
    kind: Literal["voice_activity"] = "voice_activity"
    voices: tuple[Voice, ...] = Field(max_length=100_000)
    """In order; none where nobody speaks."""


class Speaker(_Shape):
    is_user: bool
    person_id: str | None = Field(default=None, max_length=128)
    """Of the person that the user knows; None: it is the user, or nobody known."""


class SpeakersMatched(_Shape):
    kind: Literal["profile_match"] = "profile_match"
    speakers: tuple[Speaker, ...] = Field(max_length=10_000)
    """One for each segment that was asked about, in their order."""


Finding = Annotated[SpeakerEmbedding | VoicesFound | SpeakersMatched, Field(discriminator="kind")]
"""What a speech service found out."""

"""What a speech job looks like on the wire, and how its answer is read. Pure; sends nothing.

The services are those of the backend that the jobs come from: multipart forms with a WAV file, JSON lists
for answers.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from contracts import (
    Embedding,
    Finding,
    ProfileMatch,
    Question,
    Speaker,
    SpeakerEmbedding,
    SpeakersMatched,
    SpeechJob,
    TranscriptSegment,
    VoiceActivity,
    VoicesFound,
)
from handlers.errors import UnreadableAnswer

_SEGMENTS = TypeAdapter(tuple[TranscriptSegment, ...])
_LIST = TypeAdapter(list[object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A request's path, parameters and body, apart from the address of its service."""

    path: str
    content: bytes = field(repr=False)
    content_type: str
    params: Mapping[str, str] = field(default_factory=dict)


def on_the_wire(job: SpeechJob, audio: bytes, boundary: str) -> Form:
    """The form of each kind. `boundary` must not occur in the audio: take 128 random bits or more."""
    wav = _wav(audio, job.sample_rate)
    kind = f"multipart/form-data; boundary={boundary}"
    match job.question:
        case Embedding():
            content = _multipart(boundary, wav, "file")
            return Form(path="/v2/embedding", content=content, content_type=kind)
        case VoiceActivity():
            content = _multipart(boundary, wav, "file")
            return Form(path="/v1/vad", content=content, content_type=kind)
        case ProfileMatch(segments=segments):
            fields = {"segments": _SEGMENTS.dump_json(segments, by_alias=True)}
            content = _multipart(boundary, wav, "audio_file", fields)
            params = {"uid": job.uid}
            return Form(path="/v1/speaker-identification", content=content, content_type=kind, params=params)


def read_finding(question: Question, body: bytes) -> Finding:
    """What the service found out.

    Raises `UnreadableAnswer` where that is not of the documented shape; the message holds no value of it.
    """
    try:
        answer = _LIST.validate_json(body)
        match question:
            case Embedding():
                return SpeakerEmbedding.model_validate({"vector": _unnested(answer)})
            case VoiceActivity():
                return VoicesFound.model_validate({"voices": answer}, extra="ignore")
            case ProfileMatch(segments=segments):
                return SpeakersMatched(speakers=_speakers(answer, len(segments)))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise UnreadableAnswer(f"the answer cannot be read: {place}: {first['msg']}") from error


def _unnested(answer: list[object]) -> object:
    """One vector, alone or in a list of one."""
    match answer:
        case [list() as vector]:
            return vector
        case _:
            return answer


def _speakers(answer: list[object], segments: int) -> tuple[Speaker, ...]:
    """One speaker a segment; older services say of each only whether it is the user."""
    if len(answer) != segments:
        raise UnreadableAnswer(
            f"the answer cannot be read: it is of {len(answer)} segments, {segments} were asked about"
        )
    if all(isinstance(each, bool) for each in answer):
        return tuple(Speaker(is_user=each is True) for each in answer)
    return SpeakersMatched.model_validate({"speakers": answer}, extra="ignore").speakers


def _wav(pcm: bytes, sample_rate: int) -> bytes:
    """RIFF with one `fmt ` chunk (PCM, mono, 16 bit) and one `data` chunk."""
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + len(pcm), b"WAVE"),
        *(b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16),
        *(b"data", len(pcm)),
    )
    return header + pcm


def _multipart(
    boundary: str, wav: bytes, file_field: str, fields: Mapping[str, bytes] | None = None
) -> bytes:
    """RFC 7578. Names and file name are ours, so nothing in them needs escaping."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
        for name, value in (fields or {}).items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{file_field}"; filename="audio.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    )
    return b"".join((*parts, head.encode(), wav, f"\r\n--{boundary}--\r\n".encode()))

"""The speech services' side of the wire: reads what they are sent with readers that are not ours."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from email import message_from_bytes

from tests.receiver import Received


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    file_name: str | None
    content_type: str
    content: bytes


def parts(got: Received) -> dict[str, Part]:
    """A form's parts by name, read as MIME."""
    message = message_from_bytes(
        b"Content-Type: " + got.headers["content-type"].encode() + b"\r\n\r\n" + got.body
    )
    assert message.is_multipart()
    assert not message.defects
    found = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = Part(name, part.get_filename(), part.get_content_type(), content)
    return found


@dataclass(frozen=True, slots=True)
class Heard:
    channels: int
    bytes_per_sample: int
    sample_rate: int
    pcm: bytes


def heard(part: Part) -> Heard:
    with wave.open(io.BytesIO(part.content)) as file:
        return Heard(
            file.getnchannels(), file.getsampwidth(), file.getframerate(), file.readframes(file.getnframes())
        )

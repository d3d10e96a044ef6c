"""Finds where somebody speaks in a recording, by its loudness. For threads; it never loads a whole file."""

from __future__ import annotations

import math
import operator
import sys
import wave
from array import array
from pathlib import Path

from pydantic import BaseModel, ConfigDict

WINDOW = 0.1
"""Seconds of which one loudness is taken."""
LOUD = 500
"""Root mean square of 16-bit samples, above which a window is taken for speech."""


class Span(BaseModel):
    """Seconds from the beginning of the recording."""

    model_config = ConfigDict(frozen=True)

    start: float
    end: float


class Recording(BaseModel):
    """What a recording holds."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    sample_rate: int
    voiced: tuple[Span, ...]


def measure(path: Path) -> Recording:
    """The voiced spans of a WAV file: PCM16, mono.

    Raises ValueError for a file of another form, or one that is cut off; OSError.
    """
    try:
        with path.open("rb") as file, wave.open(file) as sound:
            return _measure(sound)
    except (wave.Error, EOFError) as error:
        raise ValueError(f"this is no WAV file: {error or 'it ends too early'}") from error


def _measure(sound: wave.Wave_read) -> Recording:
    if (sound.getsampwidth(), sound.getnchannels()) != (2, 1):
        raise ValueError("the recording must be of 16-bit samples in one channel")
    rate, frames = sound.getframerate(), sound.getnframes()
    if not 1_000 <= rate <= 192_000:
        raise ValueError(f"a sample rate of {rate} is none of 1000 to 192000")
    size = int(rate * WINDOW)
    loud: list[bool] = []
    read = 0
    while window := sound.readframes(size):
        read += len(window) // 2
        loud.append(loudness(window) > LOUD)
    if read < frames:
        raise ValueError(f"the recording ends after {read} of {frames} samples")
    return Recording(seconds=frames / rate, sample_rate=rate, voiced=tuple(spans(loud, frames / rate)))


def loudness(pcm: bytes) -> float:
    """Root mean square of 16-bit little-endian samples."""
    samples = array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return math.sqrt(sum(map(operator.mul, samples, samples)) / len(samples)) if samples else 0.0


def spans(loud: list[bool], seconds: float) -> list[Span]:
    """Windows that are loud one after the other, as one span each."""
    found: list[Span] = []
    start: int | None = None
    for index, is_loud in enumerate([*loud, False]):
        if is_loud and start is None:
            start = index
        elif not is_loud and start is not None:
            found.append(Span(start=round(start * WINDOW, 3), end=round(min(index * WINDOW, seconds), 3)))
            start = None
    return found

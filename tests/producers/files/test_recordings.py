"""Recordings: where they are loud, several at a time, each for itself."""

from __future__ import annotations

import asyncio
import threading
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lanes import CRITICAL, DeadlineExceeded, Executor
from producers.parallel_files import process_files
from producers.recordings import Span, loudness, measure, spans
from tests.producers.files.served import until, wav


@pytest.fixture
async def critical() -> AsyncIterator[Executor]:
    executor = Executor(CRITICAL)
    await executor.open()
    yield executor
    await executor.aclose(grace=1)


def test_the_voiced_spans_of_a_recording_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav((0.5, False), (1.0, True), (0.5, False), (0.25, True)))
    found = measure(path)
    assert (found.seconds, found.sample_rate) == (2.25, 8_000)
    assert found.voiced == (Span(start=0.5, end=1.5), Span(start=2.0, end=2.25))


def test_loudness_is_the_root_mean_square() -> None:
    assert loudness(b"") == loudness(b"\1") == 0
    assert loudness(b"\x03\x00\xfc\xff") == pytest.approx(12.5**0.5)  # 3 and -4


@pytest.mark.parametrize(
    ("loud", "found"),
    [("", []), ("..", []), ("##", [(0, 0.2)]), ("#.##", [(0, 0.1), (0.2, 0.35)]), (".#", [(0.1, 0.2)])],
)
def test_loud_windows_in_a_row_are_one_span(loud: str, found: list[tuple[float, float]]) -> None:
    windows = [window == "#" for window in loud]
    assert spans(windows, 0.35) == [Span(start=start, end=end) for start, end in found]


def _stereo(path: Path) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(b"\0" * 8)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all", wav((1, True))[:-2_000]])
def test_what_is_no_recording_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"WAV|ends after"):
        measure(path)


def test_a_recording_of_two_channels_is_refused(tmp_path: Path) -> None:
    _stereo(tmp_path / "a.wav")
    with pytest.raises(ValueError, match="one channel"):
        measure(tmp_path / "a.wav")


async def test_files_are_processed_in_order_and_a_failure_is_its_files_alone(
    critical: Executor, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{name}.wav" for name in "abcde"]
    for path in paths:
        await asyncio.to_thread(path.write_bytes, wav((1, True)) if path.stem != "c" else b"?")
    results = await process_files(measure, paths, executor=critical, at_a_time=2, deadline=20)
    assert [result.path for result in results] == paths
    assert [result.error is None for result in results] == [True, True, False, True, True]
    assert results[0].result is not None


async def test_no_more_files_than_so_many_are_processed_at_a_time(critical: Executor) -> None:
    gate, most, running = threading.Semaphore(0), 0, 0
    lock = threading.Lock()

    def work(path: Path) -> str:
        nonlocal most, running
        with lock:
            running += 1
            most = max(most, running)
        gate.acquire()
        with lock:
            running -= 1
        return path.name

    async with asyncio.TaskGroup() as tasks:
        processing = tasks.create_task(
            process_files(
                work, [Path(name) for name in "abcdef"], executor=critical, at_a_time=3, deadline=20
            )
        )
        await until(lambda: running == 3)
        assert critical.statistics().waiting == 0  # the others wait outside of the executor
        gate.release(6)
    assert [result.result for result in processing.result()] == list("abcdef")
    assert most == 3


async def test_what_is_late_is_told_so_and_what_is_done_is_kept(critical: Executor) -> None:
    gate = threading.Event()

    def work(path: Path) -> str:
        if path.name == "slow":
            gate.wait()
        return path.name

    results = await process_files(
        work, [Path("fast"), Path("slow")], executor=critical, at_a_time=2, deadline=0.05
    )
    gate.set()
    assert results[0].result == "fast"
    assert isinstance(results[1].error, DeadlineExceeded)


async def test_a_cancelled_caller_leaves_no_file_waiting(critical: Executor) -> None:
    gate = threading.Event()
    begun: list[str] = []

    def work(path: Path) -> None:
        begun.append(path.name)
        gate.wait()

    processing = asyncio.create_task(
        process_files(work, [Path(name) for name in "abcd"], executor=critical, at_a_time=2, deadline=20)
    )
    await until(lambda: len(begun) == 2)
    processing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await processing
    gate.set()
    await until(lambda: not critical.statistics().running)
    assert sorted(begun) == ["a", "b"]

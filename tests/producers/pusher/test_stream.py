"""One stream in virtual time: when it flushes, what it drops and says, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from contracts import AudioBytes, Catalog, DeveloperWebhook, Task, TranscriptFlushed
from lanes import Telemetry
from producers import Receipt, Unreachable
from producers.pusher import Close, DurableAudio, LatestAudio, PusherLimits
from producers.testing import RecordingProducer, recording
from tests.lanes.virtual_time import run, settled
from tests.producers.pusher.streams import Running, flushes, new_pusher, start

Test = Callable[[RecordingProducer], Awaitable[None]]


def in_virtual_time(catalog: Catalog, test: Test) -> None:
    async def with_producer() -> None:
        async with recording(catalog) as producer:
            await test(producer)

    run(with_producer())


def developer(uid: str, event: AudioBytes) -> Task:
    return DeveloperWebhook(uid=uid, event=event)


async def hung_up(running: Running) -> Close:
    running.socket.hang_up()
    return await running.end


def go_away(producer: RecordingProducer, monkeypatch: pytest.MonkeyPatch, *, calls: int) -> list[Task]:
    """The next calls of `enqueue` find nobody; returns what was tried then."""
    tried: list[Task] = []
    enqueue = producer.enqueue

    async def away(task: Task, **schedule: None) -> Receipt:
        if len(tried) < calls:
            tried.append(task)
            raise Unreachable("Cloud Tasks gave no answer")
        return await enqueue(task, **schedule)

    monkeypatch.setattr(producer, "enqueue", away)
    return tried


def test_segments_flush_by_count_at_once_and_by_time_when_fewer(catalog: Catalog) -> None:
    async def test(producer: RecordingProducer) -> None:
        running = start(new_pusher(limits=PusherLimits(flush_segments=2, flush_seconds=3)))
        loop = asyncio.get_running_loop()
        running.socket.speak("a", "b", "c")
        await settled()
        await settled()
        assert flushes(producer.tasks) == [(0, ["a", "b"])]
        await asyncio.sleep(2.9)
        assert len(producer.tasks) == 1
        await asyncio.sleep(0.2)
        assert flushes(producer.tasks) == [(0, ["a", "b"]), (1, ["c"])]
        assert [frame["through"] for frame in running.socket.of("flushed")] == [2, 3]
        assert [type(event) for event in producer.events] == [TranscriptFlushed] * 2
        before = loop.time()
        running.socket.speak("d")
        assert await hung_up(running) is Close.DONE
        assert flushes(producer.tasks)[2:] == [(2, ["d"])]
        assert loop.time() == before, "the end waits for no timer"

    in_virtual_time(catalog, test)


def test_an_outage_within_bounds_loses_nothing_and_leaves_no_gap(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(producer: RecordingProducer) -> None:
        tried = go_away(producer, monkeypatch, calls=3)
        running = start(new_pusher(limits=PusherLimits(flush_segments=1)))
        running.socket.speak("a", "b")
        await asyncio.sleep(5)
        assert len(tried) == 3
        assert len({task.identity() for task in tried}) == 1, "an attempt is the same task again"
        assert flushes(producer.tasks) == [(0, ["a"]), (1, ["b"])]
        assert await hung_up(running) is Close.DONE

    in_virtual_time(catalog, test)


def test_a_long_outage_closes_the_stream_and_says_what_was_lost(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(producer: RecordingProducer) -> None:
        go_away(producer, monkeypatch, calls=1000)
        pusher = new_pusher(limits=PusherLimits(give_up_seconds=10))
        running = start(pusher)
        running.socket.speak("a", "b")
        assert await running.end is Close.CANNOT_KEEP
        assert [(frame["what"], frame["count"]) for frame in running.socket.of("dropped")] == [
            ("segments", 2)
        ]
        assert asyncio.get_running_loop().time() < 12
        statistics = pusher.statistics()
        assert (statistics.connections, statistics.dropped_segments) == (0, 2)
        assert statistics.closes == {Close.CANNOT_KEEP.code: 1}

    in_virtual_time(catalog, test)


def test_a_full_buffer_stops_the_reading_and_drops_nothing(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(producer: RecordingProducer) -> None:
        go_away(producer, monkeypatch, calls=3)
        pusher = new_pusher(limits=PusherLimits(segments=2, flush_segments=1))
        running = start(pusher)
        running.socket.speak("a", "b", "c")
        running.socket.speak("d")
        await settled()
        assert running.socket.frames.qsize() == 1, "the socket is not read while the buffer is full"
        assert pusher.statistics().segments == 2
        await asyncio.sleep(5)
        assert [texts for _, texts in flushes(producer.tasks)] == [["a"], ["b"], ["c"], ["d"]]
        assert await hung_up(running) is Close.DONE
        assert pusher.statistics().dropped_segments == 0

    in_virtual_time(catalog, test)


def test_a_client_that_goes_during_an_outage_is_torn_down_within_two_seconds(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(producer: RecordingProducer) -> None:
        go_away(producer, monkeypatch, calls=1000)
        pusher = new_pusher()
        running = start(pusher)
        running.socket.speak("a")
        await settled()
        before = asyncio.get_running_loop().time()
        assert await hung_up(running) is Close.DONE
        assert asyncio.get_running_loop().time() - before <= 2
        assert pusher.statistics().dropped_segments == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert b'sidelane_pusher_teardown_seconds_count{code="1000"} 1.0' in pusher.telemetry.exposition()

    in_virtual_time(catalog, test)


def test_bad_frames_are_told_their_field_and_many_of_them_close(catalog: Catalog) -> None:
    async def test(_: RecordingProducer) -> None:
        running = start(new_pusher(limits=PusherLimits(bad_frames=3)))
        running.socket.say(type="segments", segments=[{"text": "a", "start": -1, "end": 1}])
        running.socket.frames.put_nowait("{")
        running.socket.say(type="ping")
        await settled()
        first, second = running.socket.of("error")
        assert first["field"] == "segments.segments.0.start"
        assert first["problem"]
        assert first["remedy"]
        assert second["field"] == "frame"
        assert running.socket.of("pong"), "the socket stays"
        running.socket.frames.put_nowait(b"odd")
        assert await running.end is Close.INVALID

    in_virtual_time(catalog, test)


@pytest.mark.parametrize("frame", ["x" * 101, b"x" * 102])
def test_a_frame_over_its_limit_closes(catalog: Catalog, frame: str | bytes) -> None:
    async def test(_: RecordingProducer) -> None:
        running = start(new_pusher(limits=PusherLimits(text_frame=100, audio_frame=100)))
        running.socket.frames.put_nowait(frame)
        assert await running.end is Close.TOO_LARGE

    in_virtual_time(catalog, test)


def test_a_silent_stream_is_closed(catalog: Catalog) -> None:
    async def test(_: RecordingProducer) -> None:
        running = start(new_pusher(limits=PusherLimits(idle_seconds=30)))
        assert await running.end is Close.IDLE
        assert asyncio.get_running_loop().time() == 30

    in_virtual_time(catalog, test)


def test_frames_over_the_rate_wait_and_are_not_lost(catalog: Catalog) -> None:
    async def test(producer: RecordingProducer) -> None:
        running = start(new_pusher(limits=PusherLimits(frames_per_second=10)))
        for number in range(40):
            running.socket.speak(str(number))
        assert await hung_up(running) is Close.DONE
        assert asyncio.get_running_loop().time() == pytest.approx(3.1, abs=0.2)
        assert [text for _, texts in flushes(producer.tasks) for text in texts] == [
            str(number) for number in range(40)
        ]

    in_virtual_time(catalog, test)


def test_durable_audio_becomes_a_task_for_each_stretch_and_a_rest(catalog: Catalog) -> None:
    async def test(producer: RecordingProducer) -> None:
        running = start(new_pusher(limits=PusherLimits(audio_seconds=1)), [DurableAudio(task=developer)])
        running.socket.frames.put_nowait(b"a" * 2000 + b"b" * 100)
        assert await hung_up(running) is Close.DONE
        events = [task.event for task in producer.tasks if isinstance(task, DeveloperWebhook)]
        assert [(e.sequence, e.audio) for e in events if isinstance(e, AudioBytes)] == [
            (0, b"a" * 2000),
            (1, b"b" * 100),
        ]

    in_virtual_time(catalog, test)


def test_audio_over_its_bound_drops_the_oldest_and_says_so(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(producer: RecordingProducer) -> None:
        go_away(producer, monkeypatch, calls=1000)
        limits = PusherLimits(audio_seconds=1, audio_bytes=4000)
        pusher = new_pusher(limits=limits)
        running = start(pusher, [DurableAudio(task=developer)])
        running.socket.frames.put_nowait(b"a" * 2000)
        await settled()
        running.socket.frames.put_nowait(b"b" * 4000)
        running.socket.frames.put_nowait(b"c" * 600)
        await settled()
        assert [(f["what"], f["count"]) for f in running.socket.of("dropped")] == [("audio", 600)]
        assert pusher.statistics().audio_bytes == 4000
        running.socket.hang_up()
        await running.end
        assert pusher.statistics().dropped_audio_bytes == 6600

    in_virtual_time(catalog, test)


def test_latest_audio_of_one_target_is_not_dropped_for_anothers(catalog: Catalog) -> None:
    async def test(_: RecordingProducer) -> None:
        got: dict[str, list[int]] = {"slow": [], "fast": []}
        released = asyncio.Event()

        async def slow(_: str, event: AudioBytes) -> None:
            got["slow"].append(event.sequence)
            await released.wait()

        async def fast(_: str, event: AudioBytes) -> None:
            got["fast"].append(event.sequence)

        pusher = new_pusher(limits=PusherLimits(audio_seconds=1))
        running = start(
            pusher, [LatestAudio(target="slow", send=slow), LatestAudio(target="fast", send=fast)]
        )
        for _number in range(4):
            running.socket.frames.put_nowait(b"x" * 2000)
            await settled()
        released.set()
        await settled()
        assert got == {"slow": [0, 3], "fast": [0, 1, 2, 3]}
        await hung_up(running)
        await pusher.latest.aclose()

    in_virtual_time(catalog, test)


def test_audio_that_breaks_leaves_its_stream_alone(
    catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: str, event: AudioBytes) -> Task:
        raise RuntimeError(f"cannot make a task of item {event.sequence}")

    async def test(producer: RecordingProducer) -> None:
        running = start(new_pusher(limits=PusherLimits(audio_seconds=1)), [DurableAudio(task=broken)])
        for _number in range(3):
            running.socket.frames.put_nowait(b"x" * 2000)
        running.socket.speak("a")
        assert await hung_up(running) is Close.DONE
        assert flushes(producer.tasks) == [(0, ["a"])]
        assert running.socket.of("dropped")[0]["what"] == "audio"

    in_virtual_time(catalog, test)
    assert [record.message for record in caplog.records] == ["audio ends, its stream goes on"]


def test_every_close_reason_fits_its_frame() -> None:
    assert all(len(close.reason.encode()) <= 123 for close in Close)
    assert len({close.code for close in Close}) == len(Close)


def test_the_figures_are_metrics() -> None:
    pusher = new_pusher()
    pusher.watch()
    pusher.dropped["audio"] += 7
    exposition = pusher.telemetry.exposition()
    assert isinstance(pusher.telemetry, Telemetry)
    assert b'sidelane_pusher_drops_total{what="audio"} 7.0' in exposition
    assert b"sidelane_pusher_connections 0.0" in exposition

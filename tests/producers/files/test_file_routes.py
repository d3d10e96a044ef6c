"""Files over a real socket: what is sent, what comes back, and what stays when callers leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.producers.files.served import Served, away, occupy, served, until, wav
from tests.producers.test_app import problem
from tests.receiver import answering, receiver

RECORDINGS = "/v1/users/ada/recordings"
LOUD = wav((0.5, True))


@pytest.fixture
async def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setenv("SIDELANE_EGRESS_ALLOW", "127.0.0.0/8")
    async with served(away(tmp_path, upload_bytes=100_000, upload_body_bytes=300_000)) as running:
        yield running


async def test_recordings_are_kept_in_order_and_each_is_judged_for_itself(backend: Served) -> None:
    files = [
        ("file", (name, content, "audio/wav")) for name, content in (("a", LOUD), ("b", b"?"), ("c", LOUD))
    ]
    answer = await backend.client.post(RECORDINGS, files=files)
    assert answer.status_code == 200
    a, b, c = answer.json()
    assert [(one["label"], one["size"]) for one in (a, b, c)] == [("a", 8_044), ("b", 1), ("c", 8_044)]
    assert a["recording"] == {"seconds": 0.5, "sample_rate": 8000, "voiced": [{"start": 0.0, "end": 0.5}]}
    assert (b["id"], b["recording"]) == (None, None)
    assert "WAV" in b["error"]
    assert await backend.left() == sorted([a["id"], c["id"]])


async def kept(backend: Served, content: bytes = LOUD) -> str:
    answer = await backend.client.post(RECORDINGS, content=content)
    assert answer.status_code == 200
    id: str = answer.json()[0]["id"]
    return id


async def test_a_recording_comes_back_whole_and_in_ranges(backend: Served) -> None:
    url = f"{RECORDINGS}/{await kept(backend)}/audio"
    whole = await backend.client.get(url)
    assert (whole.status_code, whole.content) == (200, LOUD)
    assert (whole.headers["accept-ranges"], whole.headers["content-type"]) == ("bytes", "audio/wav")
    part = await backend.client.get(url, headers={"Range": "bytes=44-99"})
    assert (part.status_code, part.content) == (206, LOUD[44:100])
    assert part.headers["content-range"] == f"bytes 44-99/{len(LOUD)}"
    tagged = {"Range": "bytes=44-99", "If-Range": whole.headers["etag"]}
    assert (await backend.client.get(url, headers=tagged)).status_code == 206
    assert (await backend.client.get(url, headers={**tagged, "If-Range": '"x"'})).status_code == 200
    problem(await backend.client.get(url, headers={"Range": "bytes=99999-"}), 416)


async def test_nobody_gets_a_recording_of_another_or_one_that_is_gone(backend: Served) -> None:
    id = await kept(backend)
    problem(await backend.client.get(f"/v1/users/bob/recordings/{id}/audio"), 404)
    problem(await backend.client.get(f"{RECORDINGS}/{'0' * 32}/audio"), 404)
    problem(await backend.client.get(f"{RECORDINGS}/..%2F..%2Fpasswd/audio"), 404)
    assert (await backend.client.delete(f"{RECORDINGS}/{id}")).status_code == 204
    problem(await backend.client.delete(f"{RECORDINGS}/{id}"), 404)
    problem(await backend.client.get(f"{RECORDINGS}/{id}/audio"), 404)
    assert await backend.left() == []


async def test_of_a_request_with_one_file_too_large_nothing_stays(backend: Served) -> None:
    files = [("file", ("a", LOUD, "a/b")), ("file", ("b", b"x" * 100_001, "a/b"))]
    document = problem(await backend.client.post(RECORDINGS, files=files), 413)
    assert "100000" in document["detail"]
    assert await backend.left() == []
    assert backend.app.state.uploads.statistics().bytes_held == 0


async def test_a_body_over_its_limit_is_not_read_to_its_end(backend: Served) -> None:
    files = [("file", ("a", b"x" * 90_000, "a/b"))] * 4
    document = problem(await backend.client.post(RECORDINGS, files=files), 413)
    assert "300000" in document["detail"]
    assert await backend.left() == []


async def test_a_form_that_is_cut_off_leaves_nothing(backend: Served) -> None:
    head = b'--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\n'
    answer = await backend.client.post(
        RECORDINGS, content=head + LOUD, headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert "ends within the form" in problem(answer, 422)["detail"]
    assert await backend.left() == []


async def test_a_form_without_files_and_one_with_too_many_are_refused(backend: Served) -> None:
    no_file = b'--b\r\ncontent-disposition: form-data; name="f"\r\n\r\nx\r\n--b--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    problem(await backend.client.post(RECORDINGS, content=no_file, headers=headers), 422)
    files = [("file", ("a", LOUD, "a/b"))] * 17
    document = problem(await backend.client.post(RECORDINGS, files=files), 422)
    assert "more than 16 files" in document["detail"]
    assert await backend.left() == []


async def test_a_caller_that_leaves_halfway_takes_its_file_along(backend: Served) -> None:
    uploads = backend.app.state.uploads
    _, writer = await asyncio.open_connection("127.0.0.1", backend.port)
    writer.write(f"POST {RECORDINGS} HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n".encode() + LOUD)
    await writer.drain()
    await until(lambda: uploads.statistics().bytes_held > 0)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    await until(lambda: uploads.statistics().under_way == 0)
    assert uploads.statistics().bytes_held == 0
    assert await backend.left() == []


async def test_a_slow_upload_holds_up_nobody_and_ends(tmp_path: Path) -> None:
    async with served(away(tmp_path, upload_seconds=0.3)) as backend:
        reader, writer = await asyncio.open_connection("127.0.0.1", backend.port)
        writer.write(f"POST {RECORDINGS} HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\nhalf".encode())
        await until(lambda: backend.app.state.uploads.statistics().under_way == 1)
        id = await kept(backend)
        assert (await reader.readline()).split()[1] == b"408"
        writer.close()
        assert await backend.left() == [id]


async def test_callers_are_told_to_come_back_while_too_many_upload(tmp_path: Path) -> None:
    async def held() -> AsyncIterator[bytes]:
        yield b"x"
        await go_on.wait()

    go_on = asyncio.Event()
    async with served(away(tmp_path, uploads_at_a_time=1)) as backend:
        first = asyncio.create_task(backend.client.post(RECORDINGS, content=held()))
        await until(lambda: backend.app.state.uploads.statistics().under_way == 1)
        answer = await backend.client.post(RECORDINGS, content=LOUD)
        problem(answer, 503)
        assert answer.headers["retry-after"]
        go_on.set()
        assert (await first).status_code == 200


@pytest.mark.parametrize("pool", ["storage", "critical"])
async def test_others_are_served_while_a_pool_is_busy(backend: Served, pool: str) -> None:
    """Fails if anything of an upload runs on the event loop, or waits for the other pool."""
    gate = threading.Event()
    executor = getattr(backend.app.state.lanes, pool)
    try:
        await occupy(executor, gate)
        sending = asyncio.create_task(backend.client.post(RECORDINGS, content=LOUD))
        await until(lambda: executor.statistics().waiting > 0)
        assert (await backend.client.get("/healthz")).status_code == 200
        assert not sending.done()
    finally:
        gate.set()
    assert (await sending).status_code == 200


async def test_a_caller_that_leaves_while_its_files_are_judged_takes_them_along(backend: Served) -> None:
    gate = threading.Event()
    critical = backend.app.state.lanes.critical
    try:
        await occupy(critical, gate)
        _, writer = await asyncio.open_connection("127.0.0.1", backend.port)
        head = f"POST {RECORDINGS} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(LOUD)}\r\n\r\n"
        writer.write(head.encode() + LOUD)
        await until(lambda: critical.statistics().waiting > 0)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        await until(lambda: backend.app.state.uploads.statistics().bytes_held == 0)
        assert await backend.left() == []
        assert critical.statistics().waiting == 0
    finally:
        gate.set()


async def test_a_recording_is_fetched_as_it_comes(backend: Served) -> None:
    async with receiver(answering(200, body=LOUD)) as far:
        answer = await backend.client.post(f"{RECORDINGS}/fetched", json={"url": f"{far.url}/a.wav"})
        assert answer.json()["recording"]["seconds"] == 0.5
        far.respond = answering(404)
        problem(await backend.client.post(f"{RECORDINGS}/fetched", json={"url": far.url}), 502)
        far.respond = answering(200, body=b"x" * 100_001)
        problem(await backend.client.post(f"{RECORDINGS}/fetched", json={"url": far.url}), 413)
    problem(await backend.client.post(f"{RECORDINGS}/fetched", json={"url": "http://127.0.0.1:1/"}), 502)
    problem(await backend.client.post(f"{RECORDINGS}/fetched", json={"url": "ftp://x/"}), 422)
    assert await backend.left() == [answer.json()["id"]]


async def test_an_inner_address_is_not_fetched(tmp_path: Path) -> None:
    async with served(away(tmp_path)) as backend, receiver(answering(200, body=LOUD)) as far:
        problem(await backend.client.post(f"{RECORDINGS}/fetched", json={"url": far.url}), 422)
        assert not far.received


async def test_the_openapi_document_tells_each_answer(backend: Served) -> None:
    paths = (await backend.client.get("/openapi.json")).json()["paths"]
    post = paths["/v1/users/{uid}/recordings"]["post"]
    assert set(post["requestBody"]["content"]) == {"multipart/form-data", "application/octet-stream"}
    assert set(post["responses"]) >= {"200", "401", "403", "408", "413", "422", "429", "500", "503", "504"}
    audio = paths["/v1/users/{uid}/recordings/{recording}/audio"]["get"]["responses"]
    assert set(audio) >= {"200", "206", "404", "416"}
    assert "audio/wav" in audio["206"]["content"]

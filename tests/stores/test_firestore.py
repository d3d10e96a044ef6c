"""Firestore where it is away, slow, closed, asked by many at once, or given more than a document holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.firestore import AsyncWriteBatch

from contracts import DeadLetter, Position
from stores import DeadLetters, Endpoint, Filter, SigningKey, StoreClosed, StoreUnavailable
from stores.firestore import FirestoreStores, open_firestore
from stores.firestore.collection import PART_BYTES, PARTS, Collection, Document
from stores.firestore.connection import translated
from stores.firestore.ledger import _document, _id
from stores.ledger import MAX_HISTORY, claim
from stores.outcome import Ended, Outcome
from tests.firestore_emulator import DEADLINE, Firestore
from tests.road import Road
from tests.stores.starts import NOW, start
from tests.stores.test_ledger import DEAD, KEY, RETRY

ENDPOINT = Endpoint(uid="u", kind="day_summary", url="https://example.com", keys=(SigningKey(secret="0"),))
LARGE = bytes(range(256)) * 8_000
"""2 MB: more than a document of Firestore may have."""


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """HOST:PORT of what takes every connection and says nothing."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(65536):
                continue
        finally:
            writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


async def test_away_is_told_within_the_deadline() -> None:
    async with open_firestore(project="p", database="d", emulator="127.0.0.1:1", deadline=0.3) as stores:
        async with asyncio.timeout(5):
            with pytest.raises(
                StoreUnavailable, match=r"no answer from 127.0.0.1:1 within 0.3 s \(.*connect"
            ):
                await stores.ledger.read(KEY)
        statistics = stores.connection.statistics()
        assert (statistics.calls, statistics.pending) == (statistics.failed, 0)
        assert statistics.failed >= 1


async def test_silence_is_told_within_the_deadline() -> None:
    async with (
        silent_server() as host,
        open_firestore(project="p", database="d", emulator=host, deadline=0.3) as stores,
        asyncio.timeout(5),
    ):
        with pytest.raises(StoreUnavailable, match=r"change sidelane_ledger: no answer"):
            await stores.ledger.claim(start(KEY))


async def test_closed_is_told(firestore: Firestore) -> None:
    async with firestore.open() as stores:
        pass
    with pytest.raises(StoreClosed):
        await stores.ledger.read(KEY)


async def test_without_credentials_it_does_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(StoreUnavailable, match="application-default login"):
        async with open_firestore(project="p", database="d"):
            pass


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (exceptions.NotFound("no database"), "creates the database d"),
        (exceptions.FailedPrecondition("needs an index"), "indexes.json"),
        (exceptions.PermissionDenied("no"), "roles/datastore.user"),
        (exceptions.InvalidArgument("too large"), "try again"),
    ],
)
def test_what_firestore_refuses_has_a_remedy(error: Exception, remedy: str) -> None:
    told = str(translated(error, "read sidelane_ledger", "d"))
    assert told.startswith("read sidelane_ledger: ")
    assert remedy in told


async def test_a_lost_answer_is_no_second_change(
    firestore_stores: FirestoreStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = AsyncWriteBatch.commit
    lost: list[bool] = []

    async def losing(batch: AsyncWriteBatch, *args: Any, **kwargs: Any) -> Any:
        answer = await commit(batch, *args, **kwargs)
        if not lost:
            lost.append(True)
            raise exceptions.ServiceUnavailable("connection reset")
        return answer

    monkeypatch.setattr(AsyncWriteBatch, "commit", losing)
    assert await firestore_stores.directory.add_endpoint(ENDPOINT) is True
    assert await firestore_stores.directory.add_endpoint(ENDPOINT) is False
    assert lost


async def test_who_is_held_up_while_writing_holds_nobody_up_and_undoes_nothing(
    firestore: Firestore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process that was stopped, or killed, between its reading and its writing."""
    commit = AsyncWriteBatch.commit
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def held_up_once(batch: AsyncWriteBatch, *args: Any, **kwargs: Any) -> Any:
        if not reached.is_set():
            reached.set()
            await go_on.wait()
        return await commit(batch, *args, **kwargs)

    async with firestore.open() as slow, firestore.open() as other:
        await slow.directory.put_endpoint(ENDPOINT)
        monkeypatch.setattr(AsyncWriteBatch, "commit", held_up_once)
        async with asyncio.TaskGroup() as tasks:
            late = tasks.create_task(
                slow.directory.change_endpoint("u", "day_summary", lambda one: replace(one, paused=True))
            )
            await reached.wait()
            await other.directory.change_endpoint(
                "u", "day_summary", lambda one: replace(one, url="https://b")
            )
            assert not late.done()
            go_on.set()
        assert late.result() == replace(ENDPOINT, paused=True, url="https://b")
        assert slow.connection.statistics().contended == 1


def letter(body: bytes, identity: str = "a") -> DeadLetter:
    made = DeadLetter.of_bytes(
        body, type_name="x", task_name=identity, queue="q", reason="undecodable", detail="no", died_at=NOW
    )
    return made.model_copy(update={"owner": "u1"})


async def parts(letters: Collection) -> int:
    return len(await letters._client.collection_group(PARTS).get())


@pytest.mark.parametrize("size", [0, PART_BYTES, PART_BYTES + 1, len(LARGE)])
async def test_a_letter_of_any_size_is_kept_whole(firestore_stores: FirestoreStores, size: int) -> None:
    letters: DeadLetters = firestore_stores.dead_letters
    one = letter(LARGE[:size])
    assert await letters.add(one) is True
    assert await letters.add(one) is False
    await letters.mark_replayed(one.id, generation=1, at=NOW)
    kept = await letters.get(one.id)
    assert kept is not None
    assert (kept.letter, kept.replayed_as) == (one, 1)
    assert await letters.find(Filter(), limit=10) == (kept,)


async def test_the_parts_of_a_letter_leave_with_it(firestore_stores: FirestoreStores) -> None:
    letters = firestore_stores.dead_letters
    await letters.add(letter(LARGE))
    await letters.add(letter(LARGE, "b").model_copy(update={"owner": "u2"}))
    assert await parts(letters._letters) == 2 * 4
    assert await letters.erase("u1") == 1
    assert await parts(letters._letters) == 4
    await letters.discard(letter(LARGE, "b").id, reason="old", at=NOW)
    assert await parts(letters._letters) == 4
    assert await letters.sweep(NOW + timedelta(days=1), limit=10) == 1
    assert await parts(letters._letters) == 0


async def test_a_row_keeps_a_large_envelope_as_long_as_something_follows(
    firestore_stores: FirestoreStores,
) -> None:
    ledger = firestore_stores.ledger
    await ledger.record(start(KEY), RETRY, LARGE)
    row = await ledger.read(KEY)
    assert row is not None
    assert row.body == LARGE
    second = Position(attempt=2, park=0)
    await ledger.claim(start(KEY, second, token="t2"))
    assert await parts(ledger._rows) == 0
    await ledger.record(start(KEY, second, token="t2"), DEAD, LARGE)
    assert await parts(ledger._rows) > 0
    await ledger.confirm(KEY, second)
    assert await parts(ledger._rows) == 0


async def test_the_longest_history_and_an_envelope_fit_one_row(firestore_stores: FirestoreStores) -> None:
    ledger = firestore_stores.ledger
    detail = Outcome.model_validate({**RETRY.model_dump(), "detail": "\U0001f600" * 5000}).detail
    position = Position(attempt=MAX_HISTORY, park=0)
    ends = tuple(
        Ended(position=position, outcome=RETRY.model_copy(update={"detail": detail}))
        for _ in range(MAX_HISTORY)
    )
    row, _ = claim(None, start(KEY, position))

    def fill(_: Document | None) -> tuple[Document, None]:
        return _document(replace(row, history=ends)), None

    await ledger._rows.change(_id(KEY), fill)
    await ledger.record(start(KEY, position), RETRY, LARGE)
    kept = await ledger.read(KEY)
    assert kept is not None
    assert (len(kept.history), kept.body) == (MAX_HISTORY, LARGE)


async def test_what_was_away_is_found_again_soon(firestore: Firestore) -> None:
    """By the channel that was open all the time."""
    road = Road(firestore.host)
    async with open_firestore(
        project=firestore.name, database="(default)", emulator=road.host, deadline=DEADLINE
    ) as stores:
        async with road.open():
            await stores.directory.put_endpoint(ENDPOINT)
        stores.connection._deadline = 0.3
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await stores.directory.endpoint("u", "day_summary")
        stores.connection._deadline = DEADLINE
        async with road.open(), asyncio.timeout(10):
            assert await stores.directory.endpoint("u", "day_summary") == ENDPOINT

"""/admin/dead-letters: list, show, replay, discard. As `sidelane dead`, so many a call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from handlers.admin.guard import Guarded, Means
from handlers.dead_letters.replay import replay_each
from handlers.dead_letters.selection import letter, named, select
from handlers.dead_letters.view import story, summary
from stores import DeadLetters, Filter, Kept

LIMIT = 100
"""A call ends within a request's time; call again for the rest."""

router = APIRouter(prefix="/dead-letters", route_class=Guarded)


class Wanted(BaseModel):
    """Letters by name, or by filters; filters mean those that nobody has decided on."""

    model_config = ConfigDict(extra="forbid")

    ids: tuple[str, ...] = Field((), max_length=LIMIT)
    type: str | None = None
    queue: str | None = None
    target: str | None = None
    died_of: str | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    everything: bool = False
    after: str | None = None
    """Of filters and everything: go on after the letter that the last answer ended with."""

    def selection(self, letters: DeadLetters) -> AsyncIterator[Kept]:
        """Raises `HTTPException` 422 where it says nothing, or too much."""
        wanted = Filter.open(
            type=self.type,
            queue=self.queue,
            target=self.target,
            reason=self.died_of,
            died_after=self.since,
            died_before=self.until,
        )
        chosen = [bool(self.ids), wanted != Filter.open(), self.everything]
        if sum(chosen) != 1:
            raise HTTPException(422, "name letters in ids, or use filters, or everything; one of them")
        return named(letters, self.ids) if self.ids else select(letters, wanted, after=self.after)


class Replay(Wanted):
    per_second: float = Field(10.0, ge=0.5, le=50)
    """At the least `LIMIT` letters end within a request's time."""
    dry_run: bool = False


class Discard(Wanted):
    reason: str = Field(min_length=1, max_length=500)
    """Why nobody wants them done."""
    dry_run: bool = False


@router.get("")
async def find(
    admin: Means,
    task_type: Annotated[str | None, Query(alias="type")] = None,
    queue: str | None = None,
    target: str | None = None,
    reason: str | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT)] = LIMIT,
    closed: bool = False,
) -> dict[str, Any]:
    """Letters without their tasks, by id from the one after `after` on; `closed`: those decided on, too."""
    wanted = (Filter if closed else Filter.open)(
        type=task_type, queue=queue, target=target, reason=reason, died_after=since, died_before=until
    )
    found = await admin.stores.dead_letters.find(wanted, limit=limit, after=after)
    return {"dead_letters": [summary(kept) for kept in found], "after": _last(found, limit)}


@router.get("/{letter_id}")
async def show(letter_id: str, admin: Means) -> dict[str, Any]:
    """One letter with its task and attempts."""
    return await story(await letter(admin.stores.dead_letters, letter_id), admin.stores.ledger)


@router.post("/replay")
async def replay(wanted: Replay, admin: Means) -> dict[str, Any]:
    """Enqueue letters again; says of each what became of it."""
    results = []
    async for _, result in replay_each(
        _first(wanted.selection(admin.stores.dead_letters)),
        ledger=admin.stores.ledger,
        letters=admin.stores.dead_letters,
        outbox=admin.producer,
        catalog=admin.catalog,
        clock=admin.clock,
        per_second=wanted.per_second,
        sleep=admin.sleep,
        dry_run=wanted.dry_run,
    ):
        results.append({"outcome": type(result).__name__, **asdict(result)})
    return {"results": results, **_rest([result["letter_id"] for result in results])}


@router.post("/discard")
async def discard(wanted: Discard, admin: Means) -> dict[str, Any]:
    """Decide that letters are not replayed; they stay in sight until their retention ends."""
    letters, now = admin.stores.dead_letters, admin.clock()
    discarded = [kept.letter.id async for kept in _first(wanted.selection(letters))]
    for letter_id in () if wanted.dry_run else discarded:
        await letters.discard(letter_id, reason=wanted.reason, at=now)
    return {"discarded": discarded, **_rest(discarded)}


async def _first(selected: AsyncIterator[Kept]) -> AsyncIterator[Kept]:
    count = 0
    async for kept in selected:
        yield kept
        count += 1
        if count == LIMIT:
            return


def _rest(looked_at: list[str]) -> dict[str, Any]:
    """Whether there are no others, and where they begin."""
    complete = len(looked_at) < LIMIT
    return {"complete": complete, "after": None if complete else looked_at[-1]}


def _last(found: tuple[Kept, ...], limit: int) -> str | None:
    """Where the next page begins; None on the last one."""
    return found[-1].letter.id if len(found) == limit else None

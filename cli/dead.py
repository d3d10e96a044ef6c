"""`sidelane dead …`: look at the tasks that were given up, and enqueue them again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.database import on_database
from contracts import TASK_TYPES, Catalog, Envelope, TaskRegistry, Undecodable, load_catalog
from handlers.dead_letters.replay import NotReplayed, Replayed, plan, replay
from handlers.settings import HandlerSettings
from producers import Producer, ProducerError
from stores import DeadLetters, Filter, Kept, Key, StoreError
from stores.sqlite import SqliteStores, open_sqlite

app = typer.Typer(no_args_is_help=True, help="Dead letters: tasks that no further attempt is made for.")

PAGE = 200

TypeOption = Annotated[str | None, typer.Option("--type", help="Only tasks of this type.")]
QueueOption = Annotated[str | None, typer.Option("--queue", help="Only tasks of this queue.")]
TargetOption = Annotated[str | None, typer.Option("--target", help="Only tasks for this target.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only tasks that died of this.")]
SinceOption = Annotated[
    datetime | None, typer.Option("--since", help="Only what died after this moment (UTC).")
]
UntilOption = Annotated[
    datetime | None, typer.Option("--until", help="Only what died before this moment (UTC).")
]


@app.command("list")
def list_letters(
    task_type: TypeOption = None,
    queue: QueueOption = None,
    target: TargetOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List dead letters."""
    wanted = _filter(task_type, queue, target, reason, since, until)
    on_database(lambda settings: _list(settings, wanted, as_json=as_json))


@app.command("show")
def show_letter(letter_id: str) -> None:
    """Show one dead letter: why it died, its attempts, and the task itself."""
    on_database(lambda settings: _show(settings, letter_id))


@app.command("replay")
def replay_letters(
    letter_ids: Annotated[list[str] | None, typer.Argument(help="Letters to replay; or use filters.")] = None,
    task_type: TypeOption = None,
    queue: QueueOption = None,
    target: TargetOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Every letter not replayed yet.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> None:
    """Enqueue dead letters again, each as the next generation of its task.

    Filters mean letters that were not replayed yet; a letter named by its id is replayed regardless.
    """
    wanted = _filter(task_type, queue, target, reason, since, until, replayed=False)
    if letter_ids and (everything or wanted != Filter(replayed=False)):
        raise typer.BadParameter("name letters, or use filters, or --all; not several at once")
    if not letter_ids and not everything and wanted == Filter(replayed=False):
        raise typer.BadParameter("name letters, or use filters, or --all")
    failed = on_database(lambda settings: _replay(settings, letter_ids or [], wanted, dry_run=dry_run))
    if failed:
        raise typer.Exit(1)


async def _list(settings: HandlerSettings, wanted: Filter, *, as_json: bool) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("id", "died (UTC)", "reason", "attempts", "replayed"):
        table.add_column(name, no_wrap=True)
    table.add_column("target", overflow="fold")
    table.add_column("detail", no_wrap=True, overflow="ellipsis")
    async with open_sqlite(settings.database) as stores:
        async for kept in _find(stores.dead_letters, wanted):
            letter = kept.letter
            if as_json:
                typer.echo(json.dumps(_as_json(kept)))
            table.add_row(
                letter.id,
                f"{letter.died_at:%m-%d %H:%M:%S}",
                letter.reason,
                str(letter.attempt),
                f"as {kept.replayed_as}" if kept.replayed_as is not None else "",
                letter.target,
                letter.detail,
            )
    if not as_json:
        Console().print(table)
        typer.echo(f"{table.row_count} dead letters")


async def _show(settings: HandlerSettings, letter_id: str) -> None:
    async with open_sqlite(settings.database) as stores:
        kept = await stores.dead_letters.get(letter_id)
        if kept is None:
            typer.echo(f"there is no dead letter {letter_id}; `sidelane dead list` shows them", err=True)
            raise typer.Exit(1)
        shown = _as_json(kept)
        try:
            envelope = Envelope.decode(kept.letter.body)
        except Undecodable:
            shown["body"] = kept.letter.body.decode(errors="backslashreplace")
        else:
            shown["envelope"] = envelope.model_dump(mode="json")
            shown["delivery_id"] = envelope.delivery_id
            shown["payload"] = envelope.payload.decode(errors="backslashreplace")
            shown["attempts"] = await _attempts(stores, envelope)
    typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))


async def _attempts(stores: SqliteStores, envelope: Envelope) -> list[dict[str, Any]]:
    row = await stores.ledger.read(Key.of(envelope))
    return [ended.model_dump(mode="json", exclude_none=True) for ended in row.history] if row else []


async def _replay(settings: HandlerSettings, ids: list[str], wanted: Filter, *, dry_run: bool) -> int:
    """How many letters could not be replayed."""
    catalog = await asyncio.to_thread(load_catalog, settings.queues_file)
    done = failed = 0
    async with (
        open_sqlite(settings.database) as stores,
        Producer(settings, catalog, TaskRegistry(TASK_TYPES)) as producer,
    ):
        async for kept in _named(stores.dead_letters, ids) if ids else _find(stores.dead_letters, wanted):
            try:
                word, ok = await _replay_one(kept, stores, producer, catalog, dry_run=dry_run)
            except (ProducerError, StoreError) as error:
                word, ok = f"not replayed: {error}", False
            typer.echo(f"{kept.letter.id} {kept.letter.type} {kept.letter.identity}: {word}")
            done, failed = done + ok, failed + (not ok)
    typer.echo(f"{'would replay' if dry_run else 'replayed'} {done}, left {failed}")
    return failed


async def _replay_one(
    kept: Kept, stores: SqliteStores, producer: Producer, catalog: Catalog, *, dry_run: bool
) -> tuple[str, bool]:
    now = datetime.now(UTC)
    if dry_run:
        planned = await plan(kept, ledger=stores.ledger, catalog=catalog, now=now)
        if isinstance(planned, NotReplayed):
            return f"would not be replayed: {planned.why}", False
        return f"would be generation {planned.generation} on {kept.letter.queue}", True
    result: Replayed | NotReplayed = await replay(
        kept, ledger=stores.ledger, letters=stores.dead_letters, outbox=producer, catalog=catalog, now=now
    )
    if isinstance(result, NotReplayed):
        return f"not replayed: {result.why}", False
    return f"generation {result.generation} as {result.task}", True


async def _find(letters: DeadLetters, wanted: Filter) -> AsyncIterator[Kept]:
    after: str | None = None
    while page := await letters.find(wanted, limit=PAGE, after=after):
        for kept in page:
            yield kept
        after = page[-1].letter.id


async def _named(letters: DeadLetters, ids: list[str]) -> AsyncIterator[Kept]:
    for letter_id in ids:
        kept = await letters.get(letter_id)
        if kept is None:
            raise typer.BadParameter(f"there is no dead letter {letter_id}; `sidelane dead list` shows them")
        yield kept


def _filter(
    task_type: str | None,
    queue: str | None,
    target: str | None,
    reason: str | None,
    since: datetime | None,
    until: datetime | None,
    *,
    replayed: bool | None = None,
) -> Filter:
    return Filter(
        type=task_type,
        queue=queue,
        target=target,
        reason=reason,
        died_after=since.replace(tzinfo=UTC) if since else None,
        died_before=until.replace(tzinfo=UTC) if until else None,
        replayed=replayed,
    )


def _as_json(kept: Kept) -> dict[str, Any]:
    return {
        **kept.letter.model_dump(mode="json", exclude={"body"}),
        "replayed_at": kept.replayed_at.isoformat() if kept.replayed_at else None,
        "replayed_as": kept.replayed_as,
    }

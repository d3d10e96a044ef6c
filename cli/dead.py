"""`sidelane dead …`: look at tasks that were given up; enqueue them again, or discard them and say why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.database import on_database
from cli.replaying import replay_and_tell
from contracts import TASK_TYPES, TaskRegistry, load_catalog
from handlers.database import open_database, open_payloads
from handlers.dead_letters.remedies import remedy
from handlers.dead_letters.selection import letter as letter_of
from handlers.dead_letters.selection import named, select
from handlers.dead_letters.view import story, summary
from handlers.settings import HandlerSettings
from producers import Producer
from stores import DeadLetters, Filter, Kept

app = typer.Typer(no_args_is_help=True, help="Dead letters: tasks that no further attempt is made for.")

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
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("list")
def list_letters(
    task_type: TypeOption = None,
    queue: QueueOption = None,
    target: TargetOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Those too that were replayed or discarded.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the dead letters that wait for a decision, and what to do about each reason."""
    wanted = _filter(task_type, queue, target, reason, since, until, is_open=not everything)
    on_database(lambda settings: _list(settings, wanted, as_json=as_json))


@app.command("show")
def show_letter(letter_id: str) -> None:
    """Show one dead letter: why it died, its attempts, what to do, and the task itself."""
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
    everything: Annotated[bool, typer.Option("--all", help="Every letter that waits for it.")] = False,
    per_second: Annotated[
        float, typer.Option("--per-second", help="Replays a second at most.", min=0.01, max=500)
    ] = 20,
    dry_run: DryRunOption = False,
) -> None:
    """Enqueue dead letters again, each as the next generation of its task.

    Filters mean letters that were neither replayed nor discarded yet; one named by its id is replayed
    regardless.
    """
    wanted = _filter(task_type, queue, target, reason, since, until, is_open=True)
    _check_choice(letter_ids, wanted, everything=everything)
    failed = on_database(
        lambda settings: _replay(settings, letter_ids or [], wanted, per_second=per_second, dry_run=dry_run)
    )
    if failed:
        raise typer.Exit(1)


@app.command("discard")
def discard_letters(
    why: Annotated[str, typer.Option("--reason", help="Why nobody wants this done; kept with the letter.")],
    letter_ids: Annotated[list[str] | None, typer.Argument(help="Letters; or use filters.")] = None,
    task_type: TypeOption = None,
    queue: QueueOption = None,
    target: TargetOption = None,
    died_of: Annotated[str | None, typer.Option("--died-of", help="Only tasks that died of this.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Decide that dead letters are not replayed, and say why; they stay in sight until their retention ends.

    Filters mean letters that were neither replayed nor discarded yet.
    """
    if not why.strip():
        raise typer.BadParameter("say why, in a few words", param_hint="--reason")
    wanted = _filter(task_type, queue, target, died_of, since, until, is_open=True)
    _check_choice(letter_ids, wanted, everything=False)
    on_database(lambda settings: _discard(settings, letter_ids or [], wanted, why.strip(), dry_run=dry_run))


async def _list(settings: HandlerSettings, wanted: Filter, *, as_json: bool) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("id", "died (UTC)", "reason", "attempts", "decided"):
        table.add_column(name, no_wrap=True)
    table.add_column("target", overflow="fold")
    table.add_column("detail", no_wrap=True, overflow="ellipsis")
    reasons: set[str] = set()
    async with open_database(settings) as stores:
        async for kept in select(stores.dead_letters, wanted):
            letter = kept.letter
            reasons.add(letter.reason)
            if as_json:
                typer.echo(json.dumps(summary(kept)))
            table.add_row(
                letter.id,
                f"{letter.died_at:%m-%d %H:%M:%S}",
                letter.reason,
                str(letter.attempt),
                _decided(kept),
                letter.target,
                letter.detail,
            )
    if not as_json:
        Console().print(table)
        for reason in sorted(reasons):
            typer.echo(f"{reason}: {remedy(reason)}")
        typer.echo(f"{table.row_count} dead letters")


async def _show(settings: HandlerSettings, letter_id: str) -> None:
    async with open_database(settings) as stores:
        shown = await story(await letter_of(stores.dead_letters, letter_id), stores.ledger)
    typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))


async def _replay(
    settings: HandlerSettings, ids: list[str], wanted: Filter, *, per_second: float, dry_run: bool
) -> int:
    """How many letters could not be replayed."""
    catalog = await asyncio.to_thread(load_catalog, settings.queues_file)
    async with (
        open_database(settings) as stores,
        open_payloads(settings) as blobs,
        Producer(settings, catalog, TaskRegistry(TASK_TYPES), blobs=blobs) as producer,
    ):
        return await replay_and_tell(
            _selected(stores.dead_letters, ids, wanted),
            stores=stores,
            producer=producer,
            catalog=catalog,
            per_second=per_second,
            dry_run=dry_run,
        )


async def _discard(
    settings: HandlerSettings, ids: list[str], wanted: Filter, why: str, *, dry_run: bool
) -> None:
    count = 0
    async with open_database(settings) as stores:
        async for kept in _selected(stores.dead_letters, ids, wanted):
            if not dry_run:
                await stores.dead_letters.discard(kept.letter.id, reason=why, at=datetime.now(UTC))
            typer.echo(f"{kept.letter.id} {kept.letter.type} {kept.letter.identity} ({kept.letter.reason})")
            count += 1
    typer.echo(f"{'would discard' if dry_run else 'discarded'} {count}")


def _selected(letters: DeadLetters, ids: list[str], wanted: Filter) -> AsyncIterator[Kept]:
    return named(letters, ids) if ids else select(letters, wanted)


def _check_choice(letter_ids: list[str] | None, wanted: Filter, *, everything: bool) -> None:
    filtered = wanted != Filter.open()
    if letter_ids and (everything or filtered):
        raise typer.BadParameter("name letters, or use filters, or --all; not several at once")
    if not letter_ids and not everything and not filtered:
        raise typer.BadParameter("name letters, or use filters, or, to replay, --all")


def _decided(kept: Kept) -> str:
    if kept.discarded_at is not None:
        return "discarded"
    return "" if kept.replayed_as is None else f"replayed as {kept.replayed_as}"


def _filter(
    task_type: str | None,
    queue: str | None,
    target: str | None,
    reason: str | None,
    since: datetime | None,
    until: datetime | None,
    *,
    is_open: bool,
) -> Filter:
    return (Filter.open if is_open else Filter)(
        type=task_type,
        queue=queue,
        target=target,
        reason=reason,
        died_after=since.replace(tzinfo=UTC) if since else None,
        died_before=until.replace(tzinfo=UTC) if until else None,
    )

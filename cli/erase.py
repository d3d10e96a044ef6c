"""`sidelane erase UID`: erases what is remembered of one user. Thin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from cli.database import on_database
from handlers.database import open_database, open_payloads
from handlers.settings import HandlerSettings
from stores.erasure import Erasure


def erase(
    uid: Annotated[str, typer.Argument(help="The user whose data goes.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and erase nothing.")] = False,
) -> None:
    """Erase one user's endpoints, apps, devices, results, dead letters, blobs and ledger rows.

    Tasks in queues go their way, and find nothing to be sent to: erase again when the queues have drained.
    """
    counts = on_database(lambda settings: _erase(settings, uid, dry_run=dry_run))
    for kind, count in counts.items():
        typer.echo(f"{kind}: {count}")
    typer.echo(f"{'would erase' if dry_run else 'erased'} {sum(counts.values())} in all")


async def _erase(settings: HandlerSettings, uid: str, *, dry_run: bool) -> Mapping[str, int]:
    async with open_database(settings) as stores, open_payloads(settings) as blobs:
        return await Erasure(stores, blobs)(uid, dry_run=dry_run)

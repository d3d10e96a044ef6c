"""Enables a target that was disabled and replays what it missed, for whichever command asked for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.replaying import replay_and_tell
from contracts import TASK_TYPES, TaskRegistry, load_catalog
from handlers.endpoints import enable, missed
from handlers.health import enabled, in_words
from handlers.settings import HandlerSettings
from producers import Producer
from stores import Stores

Recover = Annotated[bool, typer.Option(help="Send what it missed since it began to fail.")]
PerSecond = Annotated[
    float, typer.Option("--per-second", help="Replays a second at most.", min=0.01, max=500)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enabling:
    """What is to be done, as the options say it."""

    recover: bool
    per_second: float
    dry_run: bool

    async def __call__(self, target: str, stores: Stores, settings: HandlerSettings) -> int:
        """How many letters could not be replayed."""
        now = datetime.now(UTC)
        catalog = await asyncio.to_thread(load_catalog, settings.queues_file)
        before = await stores.targets.health(target)
        health = enabled(before, now) if self.dry_run else await enable(target, stores.targets, now=now)
        typer.echo(f"{'would enable' if self.dry_run else 'enabled'}; it {in_words(before)}")
        if not self.recover:
            return 0
        async with Producer(settings, catalog, TaskRegistry(TASK_TYPES)) as producer:
            return await replay_and_tell(
                missed(target, health, stores.dead_letters),
                stores=stores,
                producer=producer,
                catalog=catalog,
                per_second=self.per_second,
                dry_run=self.dry_run,
            )

"""/admin/reconcile, /admin/blobs/sweep, /admin/users/{uid}/erase: what the commands of these names do."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from handlers.admin.guard import Guarded, Means
from handlers.dead_letters.sweep import sweep

SWEEP_WITHIN = timedelta(minutes=4)
"""Whoever calls waits for 5 minutes."""

router = APIRouter(route_class=Guarded)


class Erase(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dry_run: bool = True
    """Say what would go, and erase nothing: what is erased is gone."""


@router.post("/reconcile")
async def reconcile(admin: Means) -> dict[str, Any]:
    """Do overdue follow-ups again, and forget rows of the ledger that have expired."""
    done = asdict(await admin.reconciler.run())
    oldest = done.pop("oldest")
    return {**done, "oldest_seconds": oldest.total_seconds() if oldest is not None else None}


@router.post("/blobs/sweep")
async def sweep_blobs(admin: Means) -> dict[str, Any]:
    """Keep the blobs of open dead letters on, and remove those of a folder that nothing needs any more."""
    return asdict(
        await sweep(
            admin.stores.dead_letters,
            admin.blobs,
            admin.catalog,
            clock=admin.clock,
            random=admin.random,
            within=SWEEP_WITHIN,
        )
    )


@router.post("/users/{uid}/erase")
async def erase(uid: str, asked: Erase, admin: Means) -> dict[str, Any]:
    """Erase what is remembered of one user; erase again when the queues have drained."""
    counts = await admin.erasure(uid, dry_run=asked.dry_run)
    return {"erased": dict(counts), "dry_run": asked.dry_run}

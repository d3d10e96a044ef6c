"""/admin/queues: list, show, pause, resume. As `sidelane queues`, but for purging, which asks a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from handlers.admin.guard import Guarded, Means
from handlers.queues import COUNTED

router = APIRouter(prefix="/queues", route_class=Guarded)


@router.get("")
async def find(admin: Means) -> dict[str, Any]:
    """Every queue of the catalog and its sibling, with its state in Cloud Tasks."""
    return {"queues": [asdict(status) for status in await admin.queues.statuses()]}


@router.get("/{name}")
async def show(name: str, admin: Means) -> dict[str, Any]:
    """How many tasks wait in it, up to `at_most`."""
    return {"name": name, "waiting": await admin.queues.waiting(name), "at_most": COUNTED}


@router.post("/{name}/pause")
async def pause(name: str, admin: Means) -> dict[str, Any]:
    return {"name": name, "state": await admin.queues.pause(name)}


@router.post("/{name}/resume")
async def resume(name: str, admin: Means) -> dict[str, Any]:
    return {"name": name, "state": await admin.queues.resume(name)}

"""/admin/endpoints: list, pause, resume, enable, rotate, as `sidelane endpoints`; shows a new key alone."""

from __future__ import annotations

import secrets
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from contracts import WebhookKind, developer_endpoint
from handlers.admin.guard import Guarded, Means
from handlers.admin.means import Admin
from handlers.dead_letters.replay import replay_each
from handlers.endpoint_view import summary
from handlers.endpoints import enable as enable_target
from handlers.endpoints import missed
from handlers.secrets import names_secret
from handlers.signing import Scheme, new_secret, public_key
from stores import OVERLAP, Endpoint, rotated

LIMIT = 100
RECOVERED = 100
"""Missed letters that one call replays; call again for the rest."""

router = APIRouter(prefix="/endpoints", route_class=Guarded)


class Enable(BaseModel):
    model_config = ConfigDict(extra="forbid")

    recover: bool = True
    per_second: float = Field(10.0, ge=0.5, le=50)


class Rotate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    scheme: Scheme = Scheme.V1
    overlap_hours: float = Field(OVERLAP / timedelta(hours=1), ge=0, le=720)
    """How long the old keys still sign; 0 where one was stolen."""
    secret: str | None = None
    """The name of the secret in Secret Manager that holds the key, instead of a new one."""


@router.get("")
async def find(
    admin: Means,
    uid: str | None = None,
    after_uid: str | None = None,
    after_kind: WebhookKind | None = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT)] = LIMIT,
) -> dict[str, Any]:
    """Endpoints in the order of user and kind, from the one after (`after_uid`, `after_kind`) on."""
    after = None
    if after_uid is not None and after_kind is not None:
        after = Endpoint(uid=after_uid, kind=after_kind, url="", keys=())
    found = await admin.stores.directory.endpoints(uid=uid, limit=limit, after=after)
    return {"endpoints": [await _shown(admin, endpoint) for endpoint in found]}


@router.get("/{uid}/{kind}")
async def show(uid: str, kind: WebhookKind, admin: Means) -> dict[str, Any]:
    return await _shown(admin, await _endpoint(admin, uid, kind))


@router.post("/{uid}/{kind}/pause")
async def pause(uid: str, kind: WebhookKind, admin: Means) -> dict[str, Any]:
    return await _set_paused(admin, uid, kind, paused=True)


@router.post("/{uid}/{kind}/resume")
async def resume(uid: str, kind: WebhookKind, admin: Means) -> dict[str, Any]:
    return await _set_paused(admin, uid, kind, paused=False)


@router.post("/{uid}/{kind}/enable")
async def enable(uid: str, kind: WebhookKind, asked: Enable, admin: Means) -> dict[str, Any]:
    """Send to an endpoint again that was disabled or fails, and replay what it missed meanwhile."""
    endpoint = await _endpoint(admin, uid, kind)
    target = developer_endpoint(uid, kind)
    health = await enable_target(target, admin.stores.targets, now=admin.clock(), sleep=admin.sleep)
    results: list[dict[str, Any]] = []
    if asked.recover:
        async for _, result in replay_each(
            missed(target, health, admin.stores.dead_letters),
            ledger=admin.stores.ledger,
            letters=admin.stores.dead_letters,
            outbox=admin.producer,
            catalog=admin.catalog,
            clock=admin.clock,
            per_second=asked.per_second,
            sleep=admin.sleep,
        ):
            results.append({"outcome": type(result).__name__, **asdict(result)})
            if len(results) == RECOVERED:
                break
    shown = summary(endpoint, health, admin.clock())
    return {"endpoint": shown, "results": results, "complete": len(results) < RECOVERED}


@router.post("/{uid}/{kind}/rotate")
async def rotate(uid: str, kind: WebhookKind, asked: Rotate, admin: Means) -> dict[str, Any]:
    """Give an endpoint a new key; the old ones sign beside it for a while. Shows what verifies, once."""
    if asked.secret is not None and not names_secret(asked.secret):
        raise HTTPException(422, "body.secret: write projects/P/secrets/S/versions/V")
    if asked.secret is None and not admin.takes_literal_secrets:
        raise HTTPException(422, "body.secret: on Cloud Run a key is in Secret Manager; name its secret")
    secret = asked.secret or new_secret(asked.scheme, secrets.token_bytes)
    now, overlap = admin.clock(), timedelta(hours=asked.overlap_hours)
    changed = await admin.stores.directory.change_endpoint(
        uid, kind, lambda endpoint: rotated(endpoint, secret, now=now, overlap=overlap)
    )
    if changed is None:
        raise _none(uid, kind)
    verify_with = secret if asked.secret or asked.scheme is Scheme.V1 else public_key(secret)
    return {"endpoint": await _shown(admin, changed), "verify_with": verify_with}


async def _set_paused(admin: Admin, uid: str, kind: WebhookKind, *, paused: bool) -> dict[str, Any]:
    changed = await admin.stores.directory.change_endpoint(
        uid, kind, lambda endpoint: replace(endpoint, paused=paused)
    )
    if changed is None:
        raise _none(uid, kind)
    return await _shown(admin, changed)


async def _endpoint(admin: Admin, uid: str, kind: WebhookKind) -> Endpoint:
    found = await admin.stores.directory.endpoint(uid, kind)
    if found is None:
        raise _none(uid, kind)
    return found


async def _shown(admin: Admin, endpoint: Endpoint) -> dict[str, Any]:
    health = await admin.stores.targets.health(developer_endpoint(endpoint.uid, endpoint.kind))
    return summary(endpoint, health, admin.clock())


def _none(uid: str, kind: WebhookKind) -> HTTPException:
    return HTTPException(404, f"{uid} has no endpoint for {kind}")

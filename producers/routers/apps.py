"""Answers what a developer of apps asks: is it set up, what can it do, how is one made. It enables none."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from producers.app_manifest import Manifest, fetch_manifest
from producers.dependencies import AppServersDep, AppSetupDep, DocsDep, UserDep, limited
from producers.github_docs import Page
from producers.problems import THIRD_PARTY_RESPONSES, responses
from producers.rate_limit import Group
from producers.routers.oauth import AppId, AppUrl

router = APIRouter(
    prefix="/v1/apps",
    tags=["apps"],
    responses=THIRD_PARTY_RESPONSES,
    dependencies=[Depends(limited(Group.THIRD_PARTIES))],
)


class SetupAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    setup_completed_url: AppUrl


class SetupChecked(BaseModel):
    is_setup_completed: bool


class ManifestAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: AppUrl


class Docs(BaseModel):
    pages: tuple[Page, ...]


@router.post("/{app_id}/setup-checks", responses=responses(404))
async def check_setup(setup: AppSetupDep, user: UserDep, app_id: AppId, asked: SetupAsked) -> SetupChecked:
    """Ask the app's own server whether you have set it up."""
    done = await setup.is_completed(user.uid, app_id, asked.setup_completed_url)
    return SetupChecked(is_setup_completed=done)


@router.post("/manifests")
async def read_manifest(_: UserDep, servers: AppServersDep, asked: ManifestAsked) -> Manifest:
    """The tools that an app's server says it has, checked, with absolute endpoints."""
    return await fetch_manifest(servers, asked.url)


@router.get("/docs")
async def read_docs(_: UserDep, docs: DocsDep) -> Docs:
    """The documentation of apps, at most ten minutes old."""
    return Docs(pages=await docs.pages())

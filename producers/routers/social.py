"""Answers with public profiles and posts of X, once Twitter. producers/x_profiles.py reads them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from producers.dependencies import UserDep, XProfilesDep, limited
from producers.problems import THIRD_PARTY_RESPONSES, responses
from producers.rate_limit import Group
from producers.x_profiles import Post, Profile

router = APIRouter(
    prefix="/v1/social/x",
    tags=["social"],
    responses={**THIRD_PARTY_RESPONSES, **responses(404, 501)},
    dependencies=[Depends(limited(Group.THIRD_PARTIES))],
)

Username = Annotated[str, Path(pattern=r"^[A-Za-z0-9_]{1,15}$")]


class Timeline(BaseModel):
    posts: tuple[Post, ...]


@router.get("/{username}")
async def profile(_: UserDep, x: XProfilesDep, username: Username) -> Profile:
    """Who somebody is on X."""
    return await x.profile(username)


@router.get("/{username}/timeline")
async def timeline(
    _: UserDep, x: XProfilesDep, username: Username, limit: Annotated[int, Query(ge=5, le=100)] = 20
) -> Timeline:
    """What somebody posted last on X."""
    return Timeline(posts=await x.timeline(username, limit=limit))

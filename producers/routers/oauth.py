"""Lets a user authorise an app, which is enabled once its set-up is done. producers/app_setup.py does it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from producers.dependencies import AppSetupDep, UserDep, limited
from producers.problems import THIRD_PARTY_RESPONSES, responses
from producers.rate_limit import Group

router = APIRouter(
    prefix="/v1/oauth",
    tags=["oauth"],
    responses={**THIRD_PARTY_RESPONSES, **responses(404, 409)},
    dependencies=[Depends(limited(Group.THIRD_PARTIES))],
)

AppId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
AppUrl = Annotated[str, Field(min_length=1, max_length=2000, description="Of the app's registered origin")]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    redirect_uri: AppUrl
    setup_completed_url: AppUrl | None = None
    state: Annotated[str, Field(max_length=512)] = ""


class Authorised(BaseModel):
    redirect_url: str
    """Where to send the user now, with `uid` and `state`."""


@router.post("/apps/{app_id}/authorization")
async def authorise(setup: AppSetupDep, user: UserDep, app_id: AppId, asked: Asked) -> Authorised:
    """Enable the app for yourself; its server is asked first whether its set-up is done."""
    url = await setup.authorize(
        user.uid,
        app_id,
        setup_completed_url=asked.setup_completed_url,
        redirect_uri=asked.redirect_uri,
        state=asked.state,
    )
    return Authorised(redirect_url=url)

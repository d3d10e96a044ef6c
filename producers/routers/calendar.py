"""Connects a user's Google account, and answers with its calendar and contacts. It keeps neither."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from producers.dependencies import GoogleDep, SettingsDep, UserDep, limited
from producers.errors import RequestRefused
from producers.google_data import CalendarEvent, Contact
from producers.problems import THIRD_PARTY_RESPONSES, responses
from producers.rate_limit import Group

router = APIRouter(
    prefix="/v1/google",
    tags=["calendar"],
    responses={**THIRD_PARTY_RESPONSES, **responses(409, 501)},
    dependencies=[Depends(limited(Group.THIRD_PARTIES))],
)

LONGEST = timedelta(days=366)


class Consent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(min_length=1, max_length=4096)]
    code_verifier: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")]
    redirect_uri: Annotated[str, Field(max_length=512)]
    """One of SIDELANE_SIGN_IN_REDIRECTS."""


class Connected(BaseModel):
    scope: str
    """What the consent covers, as Google names it."""


class Contacts(BaseModel):
    contacts: tuple[Contact, ...]


class Events(BaseModel):
    events: tuple[CalendarEvent, ...]


@router.put("/grant")
async def connect(google: GoogleDep, settings: SettingsDep, user: UserDep, consent: Consent) -> Connected:
    """Exchange the code of your consent at Google for a grant, which is kept sealed."""
    if consent.redirect_uri not in settings.sign_in_redirects:
        raise RequestRefused("redirect_uri: is not one of SIDELANE_SIGN_IN_REDIRECTS")
    scope = await google.grants.connect(
        user.uid, consent.code, redirect_uri=consent.redirect_uri, verifier=consent.code_verifier
    )
    return Connected(scope=scope)


@router.delete("/grant", status_code=HTTPStatus.NO_CONTENT)
async def disconnect(google: GoogleDep, user: UserDep) -> None:
    """Forget your grant here; at Google it ends by https://myaccount.google.com/permissions."""
    await google.grants.disconnect(user.uid)


@router.get("/contacts")
async def contacts(google: GoogleDep, user: UserDep) -> Contacts:
    """Your contacts at Google, at most a thousand."""
    return Contacts(contacts=await google.data.contacts(user.uid))


@router.get("/calendar/events")
async def events(
    google: GoogleDep,
    user: UserDep,
    since: Annotated[AwareDatetime, Query()],
    until: Annotated[AwareDatetime, Query()],
    limit: Annotated[int, Query(ge=1, le=250)] = 50,
) -> Events:
    """What is in your primary calendar between two moments, at most a year apart."""
    if not timedelta(0) < until - since <= LONGEST:
        raise RequestRefused("until: must be after since, by a year at most")
    found = await google.data.events(user.uid, since=since, until=until, limit=limit)
    return Events(events=found)

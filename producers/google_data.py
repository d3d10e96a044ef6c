"""Reads a user's Google contacts and calendar, with the user's own token. Writes and keeps nothing.

https://developers.google.com/people/api/rest/v1/people.connections/list
https://developers.google.com/workspace/calendar/api/v3/reference/events/list
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, Field

from producers.errors import RequestRefused
from producers.google_grants import GoogleGrants
from producers.third_party import ThirdParty

Model = TypeVar("Model", bound=BaseModel)

MAX_PAGES = 5
PAGE = 200
"""Contacts of a page."""


class Contact(BaseModel):
    name: str
    emails: tuple[str, ...] = ()


class CalendarEvent(BaseModel):
    id: str
    title: str
    starts: str
    """A date, or a date and time, as Google has it."""
    ends: str


class GoogleData:
    def __init__(self, people: ThirdParty, calendar: ThirdParty, grants: GoogleGrants) -> None:
        self._people = people
        self._calendar = calendar
        self._grants = grants

    async def contacts(self, uid: str) -> tuple[Contact, ...]:
        """Those with a name, at most `MAX_PAGES` pages.

        Raises:
            RequestRefused (409): the user has to connect Google, or to consent to this.
            ThirdPartyFailed and its kinds; StoreUnavailable.
        """
        found: list[Contact] = []
        token = ""
        for _ in range(MAX_PAGES):
            params = {"personFields": "names,emailAddresses", "pageSize": str(PAGE)}
            params |= {"pageToken": token} if token else {}
            page = await self._get(uid, self._people, "/v1/people/me/connections", params, _Connections)
            found += [
                Contact(name=person.names[0].name, emails=tuple(email.value for email in person.emails))
                for person in page.connections
                if person.names and person.names[0].name
            ]
            token = page.next_page
            if not token:
                break
        return tuple(found)

    async def events(
        self, uid: str, *, since: datetime, until: datetime, limit: int
    ) -> tuple[CalendarEvent, ...]:
        """Of the primary calendar, by their beginning. Raises as `contacts`."""
        params = {
            "timeMin": since.isoformat(),
            "timeMax": until.isoformat(),
            "maxResults": str(limit),
            "singleEvents": "true",
            "orderBy": "startTime",
        }
        path = "/calendar/v3/calendars/primary/events"
        page = await self._get(uid, self._calendar, path, params, _Events)
        return tuple(
            CalendarEvent(id=item.id, title=item.summary, starts=item.start.text, ends=item.end.text)
            for item in page.items
        )

    async def _get(
        self, uid: str, party: ThirdParty, path: str, params: Mapping[str, str], model: type[Model]
    ) -> Model:
        token = await self._grants.access_token(uid)
        answer = await party.ask("GET", path, params=params, headers={"Authorization": f"Bearer {token}"})
        if answer.status == 401:  # before its time: the user took the consent back
            await self._grants.disconnect(uid)
            raise RequestRefused("Google does not take your consent any more: connect it again", status=409)
        if answer.status == 403:
            raise RequestRefused("your consent does not cover this: connect Google again with it", status=409)
        if answer.status != 200:
            raise party.refuses_us(answer, "the project's APIs")
        return party.read(model, answer)


class _Name(BaseModel):
    name: str = Field("", validation_alias="displayName")


class _Email(BaseModel):
    value: str


class _Person(BaseModel):
    names: tuple[_Name, ...] = ()
    emails: tuple[_Email, ...] = Field((), validation_alias="emailAddresses")


class _Connections(BaseModel):
    connections: tuple[_Person, ...] = ()
    next_page: str = Field("", validation_alias="nextPageToken")


class _When(BaseModel):
    date: str = ""
    date_time: str = Field("", validation_alias="dateTime")

    @property
    def text(self) -> str:
        return self.date_time or self.date


class _Item(BaseModel):
    id: str
    summary: str = ""
    start: _When = _When()
    end: _When = _When()


class _Events(BaseModel):
    items: tuple[_Item, ...] = ()

"""Reads public profiles and timelines of X, once Twitter. Reads alone, so it may try again.

https://docs.x.com/x-api/users/user-lookup-by-username
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, Field

from lanes import Answer
from producers.errors import RequestRefused
from producers.patience import patiently
from producers.third_party import ThirdParty

Model = TypeVar("Model", bound=BaseModel)

DEADLINE = 12.0
"""Seconds for a profile or a timeline, with all tries."""


class Profile(BaseModel):
    id: str = Field(pattern=r"^\d{1,32}$")
    name: str
    username: str
    description: str = ""
    profile_image_url: str = ""
    verified: bool = False


class Post(BaseModel):
    id: str
    text: str
    created_at: datetime | None = None


class XProfiles:
    def __init__(self, party: ThirdParty, *, token: str) -> None:
        self._party = party
        self._token = token

    async def profile(self, username: str) -> Profile:
        """Raises RequestRefused (404) where there is none; ThirdPartyFailed and its kinds."""
        fields = {"user.fields": "description,profile_image_url,verified"}
        found = await self._read(_Profile, f"/2/users/by/username/{username}", fields)
        if found.data is None:
            raise RequestRefused("X has no user of this name", status=404)
        return found.data

    async def timeline(self, username: str, *, limit: int) -> tuple[Post, ...]:
        """The newest posts, 5 to 100. Raises as `profile`."""
        profile = await self.profile(username)
        fields = {"max_results": str(limit), "tweet.fields": "created_at", "exclude": "retweets,replies"}
        return (await self._read(_Posts, f"/2/users/{profile.id}/tweets", fields)).data

    async def _read(self, model: type[Model], path: str, params: dict[str, str]) -> Model:
        async def once() -> Answer:
            return await self._party.ask(
                "GET", path, params=params, headers={"Authorization": f"Bearer {self._token}"}
            )

        answer = await patiently(once, party=self._party.name, deadline=DEADLINE)
        if answer.status in (401, 403):
            raise self._party.refuses_us(answer, "SIDELANE_X_TOKEN")
        if answer.status == 404:
            raise RequestRefused("X has no user of this name", status=404)
        return self._party.read(model, answer)


class _Profile(BaseModel):
    data: Profile | None = None


class _Posts(BaseModel):
    data: tuple[Post, ...] = ()

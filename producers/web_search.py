"""Searches the web for a user's question. Keeps neither question nor answer.

https://api-dashboard.search.brave.com/app/documentation/web-search/query
"""

from __future__ import annotations

from pydantic import BaseModel

from lanes import Answer
from producers.patience import patiently
from producers.third_party import ThirdParty

DEADLINE = 8.0
"""Seconds, with all tries."""


class Hit(BaseModel):
    title: str
    url: str
    description: str = ""


class WebSearch:
    def __init__(self, party: ThirdParty, *, key: str) -> None:
        self._party = party
        self._key = key

    async def search(self, query: str, *, limit: int) -> tuple[Hit, ...]:
        """The best hits, at most `limit` (up to 20). Raises ThirdPartyFailed and its kinds."""

        async def once() -> Answer:
            return await self._party.ask(
                "GET",
                "/res/v1/web/search",
                params={"q": query, "count": str(limit)},
                headers={"X-Subscription-Token": self._key},
            )

        answer = await patiently(once, party=self._party.name, deadline=DEADLINE)
        if answer.status != 200:
            raise self._party.refuses_us(answer, "SIDELANE_SEARCH_KEY")
        return self._party.read(_Results, answer).web.results[:limit]


class _Web(BaseModel):
    results: tuple[Hit, ...] = ()


class _Results(BaseModel):
    web: _Web = _Web()

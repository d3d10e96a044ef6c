"""Reads the documentation out of a GitHub repository, a few files at a time, and keeps it for a while.

https://docs.github.com/en/rest/git/trees, https://docs.github.com/en/rest/repos/contents
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from urllib.parse import quote

from pydantic import BaseModel

from lanes import Answer, DeadlineExceeded, SingleFlight, fan_out
from producers.errors import ThirdPartyBusy, ThirdPartyFailed, ThirdPartySlow
from producers.third_party import ThirdParty

_log = logging.getLogger(__name__)

MAX_FILES = 200
MAX_BYTES = 100_000
"""Of one file; longer ones are passed over."""
AT_A_TIME = 4
DEADLINE = 20.0
"""Seconds for a whole crawl."""
FRESH_FOR = 600.0
"""Seconds until it is crawled again."""
RETRY_PAUSE = 60.0
"""Seconds between crawls that fail, while what is there serves on."""


class Page(BaseModel):
    path: str
    text: str


class GitHubDocs:
    """At most `MAX_FILES` pages of at most `MAX_BYTES` are kept. One crawl is under way at a time."""

    def __init__(
        self,
        party: ThirdParty,
        *,
        repository: str,
        folder: str,
        token: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._party = party
        self._repository = repository
        self._prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._monotonic = monotonic
        self._flights: SingleFlight[tuple[Page, ...]] = SingleFlight(max_keys=1)
        self._pages: tuple[Page, ...] | None = None
        self._due_at = -math.inf

    async def pages(self) -> tuple[Page, ...]:
        """All pages by path. While GitHub fails, those of the last crawl.

        Raises ThirdPartyFailed and its kinds where there was none yet.
        """
        if self._pages is not None and self._monotonic() < self._due_at:
            return self._pages
        return await self._flights.run("crawl", self._refreshed)

    async def _refreshed(self) -> tuple[Page, ...]:
        try:
            pages, pause = await self._crawl(), FRESH_FOR
        except ThirdPartyFailed as error:
            if self._pages is None:
                raise
            _log.warning("the documentation stays as it was: %s", error)
            pages, pause = self._pages, RETRY_PAUSE
        self._pages, self._due_at = pages, self._monotonic() + pause
        return pages

    async def _crawl(self) -> tuple[Page, ...]:
        answer = await self._ask("git/trees/HEAD", {"recursive": "1"}, "application/vnd.github+json")
        paths = sorted(
            file.path
            for file in self._party.read(_Tree, answer).tree
            if file.type == "blob"
            and file.path.startswith(self._prefix)
            and file.path.endswith((".md", ".mdx"))
            and file.size <= MAX_BYTES
        )
        try:
            pages = await fan_out(self._page, paths[:MAX_FILES], limit=AT_A_TIME, deadline=DEADLINE)
        except DeadlineExceeded as error:
            raise ThirdPartySlow(self._party.name, str(error)) from error
        return tuple(pages)

    async def _page(self, path: str) -> Page:
        answer = await self._ask(f"contents/{quote(path)}", {}, "application/vnd.github.raw+json")
        return Page(path=path, text=answer.body[:MAX_BYTES].decode(errors="replace"))

    async def _ask(self, path: str, params: dict[str, str], accept: str) -> Answer:
        headers = {**self._headers, "Accept": accept, "X-GitHub-Api-Version": "2022-11-28"}
        url = f"/repos/{self._repository}/{path}"
        answer = await self._party.ask("GET", url, params=params, headers=headers)
        if answer.status == 403 and answer.headers.get("x-ratelimit-remaining") == "0":
            raise ThirdPartyBusy(self._party.name, "its requests of this hour are used up", wait=RETRY_PAUSE)
        if answer.status != 200:
            raise self._party.refuses_us(answer, "SIDELANE_DOCS_REPOSITORY and SIDELANE_GITHUB_TOKEN")
        return answer


class _File(BaseModel):
    path: str
    type: str
    size: int = 0


class _Tree(BaseModel):
    tree: tuple[_File, ...]

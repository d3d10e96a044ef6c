"""Where passages for an answer are found: a service that searches, or a file. Each is asked once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lanes import Files, HttpLane, Request
from producers.errors import ThirdPartyFailed


class Passage(BaseModel):
    """A piece of text that may answer a question."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    score: float = Field(ge=0, le=1)
    """How well it fits: 1 is best."""


class Source(Protocol):
    """What can be searched."""

    @property
    def name(self) -> str: ...

    async def search(self, uid: str, question: str, *, at_most: int) -> Sequence[Passage]:
        """The passages that fit best. Raises ThirdPartyFailed, OSError, and a lane's or executor's error."""
        ...


class _Search(BaseModel):
    uid: str
    query: str
    limit: int


class _Found(BaseModel):
    passages: tuple[Passage, ...]


class HttpSource:
    """A service of ours: `POST {base_url}/search` of `uid`, `query`, `limit` answers `{"passages": […]}`."""

    def __init__(self, name: str, lane: HttpLane, base_url: str) -> None:
        self.name = name
        self._lane = lane
        self._url = f"{base_url}/search"

    async def search(self, uid: str, question: str, *, at_most: int) -> list[Passage]:
        search = _Search(uid=uid, query=question, limit=at_most)
        answer = await self._lane.send(
            Request(
                method="POST",
                url=self._url,
                headers={"Content-Type": "application/json"},
                content=search.model_dump_json().encode(),
            )
        )
        if answer.status != 200:
            raise ThirdPartyFailed(self.name, f"it answers {answer.status}")
        try:
            return list(_Found.model_validate_json(answer.body).passages[:at_most])
        except ValidationError as error:
            raise ThirdPartyFailed(self.name, "it answers something else than passages") from error


class FileSource:
    """A text file that the user sent along: its beginning is a passage, whatever the question."""

    MAX_BYTES = 20_000

    def __init__(self, name: str, files: Files, path: Path) -> None:
        self.name = name
        self._files = files
        self._path = path

    async def search(self, uid: str, question: str, *, at_most: int) -> list[Passage]:  # noqa: ARG002
        pieces = [piece async for piece in self._files.chunks(self._path, length=self.MAX_BYTES)]
        text = b"".join(pieces).decode("utf-8", "replace")
        return [Passage(id=self.name, text=text, score=1.0)]

"""Asks a language model, by the interface that most of them speak: `POST /v1/chat/completions`.

One question, one request, on the lane it is given. It repeats nothing, and words no prompt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pydantic import BaseModel, ValidationError

from lanes import (
    Answer,
    BreakerOpen,
    DeadlineExceeded,
    HttpLane,
    LaneError,
    NotAdmitted,
    Request,
    retry_after,
)
from producers.errors import ThirdPartyBusy, ThirdPartyFailed, ThirdPartySlow

PARTY = "the language model"
PAUSE = timedelta(seconds=5)
"""For an answer that says to stay away and not how long, and for a lane that is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One question to a model."""

    instruction: str
    text: str
    max_tokens: int = 1_000


class ModelClient(Protocol):
    """A language model."""

    async def complete(self, prompt: Prompt) -> str:
        """What the model says.

        Raises:
            ThirdPartyBusy: over its quota, or the lane is full; says how long to stay away.
            ThirdPartySlow: no answer in the lane's time.
            ThirdPartyFailed: no answer, or none that can be read.
        """
        ...


class _Message(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: tuple[_Choice, ...]


class HttpModel:
    """A `ModelClient` over HTTP."""

    def __init__(self, lane: HttpLane, *, base_url: str, model: str, key: str | None = None) -> None:
        """`base_url`: what comes before /v1."""
        self._lane = lane
        self._url = f"{base_url}/v1/chat/completions"
        self._model = model
        self._headers = {"Content-Type": "application/json"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"

    async def complete(self, prompt: Prompt) -> str:
        question = _Question(
            model=self._model,
            max_tokens=prompt.max_tokens,
            messages=[
                {"role": "system", "content": prompt.instruction},
                {"role": "user", "content": prompt.text},
            ],
        )
        request = Request(
            method="POST",
            url=self._url,
            headers=self._headers,
            content=question.model_dump_json().encode(),
        )
        try:
            answer = await self._lane.send(request)
        except DeadlineExceeded as error:
            raise ThirdPartySlow(PARTY, "it did not answer in time; ask again, or for less") from error
        except NotAdmitted as error:
            wait = error.retry_after if isinstance(error, BreakerOpen) else PAUSE.total_seconds()
            raise ThirdPartyBusy(PARTY, "it takes no more now; ask again later", wait=wait) from error
        except LaneError as error:
            raise ThirdPartyFailed(PARTY, f"no answer ({type(error).__name__}); ask again") from error
        return read_completion(answer)


class _Question(BaseModel):
    model: str
    max_tokens: int
    messages: list[dict[str, str]]


def read_completion(answer: Answer) -> str:
    """Raises ThirdPartyBusy or ThirdPartyFailed."""
    if answer.status in (429, 503):
        wait = retry_after(answer.headers.get("retry-after"), datetime.now(UTC)) or PAUSE
        raise ThirdPartyBusy(PARTY, f"it answers {answer.status}", wait=wait.total_seconds())
    if answer.status != 200:
        raise ThirdPartyFailed(PARTY, f"it answers {answer.status}")
    try:
        completion = _Completion.model_validate_json(answer.body)
    except ValidationError as error:
        raise ThirdPartyFailed(PARTY, "it answers something else than a chat completion") from error
    if not completion.choices or not completion.choices[0].message.content:
        raise ThirdPartyFailed(PARTY, "it says nothing")
    return completion.choices[0].message.content

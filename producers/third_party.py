"""Asks one third party over a lane, and words what goes wrong as that party's failure. It tries once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from json import dumps
from typing import TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from lanes import Answer, BreakerOpen, DeadlineExceeded, HttpLane, LaneClosed, LaneError, NotAdmitted, Request
from lanes import retry_after as read_retry_after
from producers.errors import ThirdPartyBusy, ThirdPartyFailed, ThirdPartySlow

Model = TypeVar("Model", bound=BaseModel)

MAX_WAIT = 3600.0
"""Seconds; what a third party asks for beyond is not passed on."""


class ThirdParty:
    """`await party.ask("POST", "/token", form={…})`: an answer below 500, or a typed failure."""

    def __init__(
        self,
        name: str,
        lane: HttpLane,
        base_url: str,
        *,
        setting: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`setting`: the variable that `base_url` is from, for messages."""
        self.name = name
        self._lane = lane
        self._base_url = base_url
        self._setting = setting
        self._clock = clock

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """One request. `deadline`: seconds; the lane's own by default.

        Raises:
            ThirdPartyBusy: it takes no more now (429, 503), or our lane or its breaker lets nothing go.
            ThirdPartySlow: no whole answer in time.
            ThirdPartyFailed: no connection, 5xx, or a URL that cannot be asked.
        """
        content, of_content = _content(form, json)
        request = Request(
            method=method,
            url=f"{self._base_url}{path}",
            params=params,
            headers={"Accept": "application/json", **of_content, **(headers or {})},
            content=content,
            deadline=deadline,
        )
        try:
            answer = await self._lane.send(request)
        except LaneError as error:
            raise self._failed(error) from error
        if answer.status in (429, 503):
            raise ThirdPartyBusy(
                self.name, f"it answered {answer.status}: come back later", wait=self._wait(answer)
            )
        if answer.status >= 500:
            raise ThirdPartyFailed(self.name, f"it answered {answer.status}", wait=self._wait(answer))
        return answer

    def read(self, model: type[Model], answer: Answer) -> Model:
        """The answer's JSON in its documented shape. Raises `ThirdPartyFailed`, which holds none of it."""
        try:
            return model.model_validate_json(answer.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "body"
            raise ThirdPartyFailed(
                self.name, f"its answer ({answer.status}) cannot be read: {place}: {first['msg']}"
            ) from error

    def refuses_us(self, answer: Answer, settings: str) -> ThirdPartyFailed:
        """It does not take our credentials: `settings` names the variables to mend."""
        return ThirdPartyFailed(self.name, f"it refuses us ({answer.status}): check {settings}", wait=60.0)

    def _failed(self, error: LaneError) -> ThirdPartyFailed:
        if isinstance(error, BreakerOpen):
            return ThirdPartyBusy(self.name, "it failed too often and is left alone", wait=error.retry_after)
        if isinstance(error, NotAdmitted | LaneClosed):
            return ThirdPartyBusy(self.name, "too many ask already")
        if isinstance(error, DeadlineExceeded):
            return ThirdPartySlow(self.name, str(error))
        return ThirdPartyFailed(self.name, f"{error}; if this goes on, check {self._setting}")

    def _wait(self, answer: Answer) -> float | None:
        asked = read_retry_after(answer.headers.get("retry-after"), self._clock())
        return None if asked is None else min(asked.total_seconds(), MAX_WAIT)


def _content(
    form: Mapping[str, str] | None, json: Mapping[str, object] | None
) -> tuple[bytes, Mapping[str, str]]:
    if form is not None:
        return urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    if json is not None:
        return dumps(json).encode(), {"Content-Type": "application/json"}
    return b"", {}

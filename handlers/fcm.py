"""Sends one message to one device by FCM HTTP v1. Knows neither users nor what becomes of their devices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from contracts import Notification
from handlers.access_tokens import AccessTokens
from handlers.delivery import Busy, End, TargetFailed
from handlers.errors import CredentialsAway
from handlers.fcm_message import REFUSED_PAUSE, DeviceGone, NotLetIn, judge, message_of
from lanes import (
    AnswerTooLarge,
    ConnectFailed,
    DeadlineExceeded,
    ExchangeFailed,
    HttpLane,
    NotAdmitted,
    Request,
)

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_BUSY_PAUSE = timedelta(seconds=5)
"""Until a task that found the lane full tries again."""


class Fcm:
    """FCM of one Firebase project."""

    def __init__(
        self,
        lane: HttpLane,
        tokens: AccessTokens | None,
        *,
        url: str,
        project: str,
        clock: Callable[[], datetime],
    ) -> None:
        """`tokens` is None where `url` is a stand-in that asks for no credentials."""
        self._lane = lane
        self._tokens = tokens
        self._url = f"{url}/v1/projects/{project}/messages:send"
        self._clock = clock

    async def send(self, notification: Notification, token: str, *, deadline: float) -> End | DeviceGone:
        """Send to the device of this registration token, within `deadline` seconds.

        An access token that is refused is renewed, once.
        """
        content = message_of(notification, token)
        ends_at = _loop_time() + deadline
        try:
            access = await self._access()
            verdict = await self._exchange(content, access, ends_at)
            if isinstance(verdict, NotLetIn) and verdict.is_stale and self._tokens is not None:
                self._tokens.refused(access)
                verdict = await self._exchange(content, await self._access(), ends_at)
        except CredentialsAway as error:
            return Busy(self._clock() + REFUSED_PAUSE, str(error))
        if isinstance(verdict, NotLetIn):
            return Busy(
                self._clock() + REFUSED_PAUSE,
                f"{verdict.detail}: not let in; grant the service account cloudmessaging.messages.create",
            )
        return verdict

    async def _access(self) -> str:
        return "" if self._tokens is None else await self._tokens.current()

    async def _exchange(self, content: bytes, access: str, ends_at: float) -> End | DeviceGone | NotLetIn:
        headers = {"Content-Type": "application/json"}
        if access:
            headers["Authorization"] = f"Bearer {access}"
        began = self._clock()
        request = Request(
            method="POST",
            url=self._url,
            headers=headers,
            content=content,
            deadline=max(ends_at - _loop_time(), 0.0),
        )
        try:
            answer = await self._lane.send(request)
        except NotAdmitted as error:
            return Busy(began + _BUSY_PAUSE, str(error))
        except (ConnectFailed, ExchangeFailed) as error:
            return TargetFailed(str(error), connection_lost_after=self._clock() - began)
        except (AnswerTooLarge, DeadlineExceeded) as error:
            return TargetFailed(str(error))
        return judge(answer, self._clock())


def _loop_time() -> float:
    return asyncio.get_running_loop().time()

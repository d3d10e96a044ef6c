"""Tries a third party again within one deadline, where asking twice does no harm. Sleeps on nobody's account.

It waits as long as the third party asked for (Retry-After), else a little longer each time; where that would
go beyond the deadline it gives up at once, and its caller learns how long to stay away.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
)

from producers.errors import ThirdPartyFailed, ThirdPartySlow

Result = TypeVar("Result")

ATTEMPTS = 3
_FIRST_PAUSE = 0.25


async def patiently(
    call: Callable[[], Awaitable[Result]],
    *,
    party: str,
    deadline: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    luck: Callable[[], float] = random.random,
) -> Result:
    """What `call` returns, of up to `ATTEMPTS` tries.

    Args:
        deadline: seconds for all tries and the pauses between them.

    Raises:
        ThirdPartyFailed and its kinds: the last try's.
        ThirdPartySlow: the deadline came.
    """

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = (error.asked or 0.0) if isinstance(error, ThirdPartyFailed) else 0.0
        longer: float = _FIRST_PAUSE * 2 ** (state.attempt_number - 1) * (0.5 + luck())
        return max(asked, longer)

    tries = AsyncRetrying(
        retry=retry_if_exception_type(ThirdPartyFailed),
        stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(deadline),
        wait=pause,
        sleep=sleep,
        reraise=True,
    )
    try:
        async with asyncio.timeout(deadline) as limit:
            return await tries(call)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise ThirdPartySlow(party, f"no answer within {deadline:g} s, with all tries") from error

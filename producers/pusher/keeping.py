"""Makes something durable while the services come and go, within bounds. It stores nothing itself."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from producers.errors import ProducerError, Unreachable
from stores import StoreUnavailable

Sleep = Callable[[float], Awaitable[None]]

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


class CannotKeep(Exception):
    """It was not made durable, and trying again is no use now; the cause says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """After `give_up_after` seconds no attempt begins; each has its own deadline."""

    give_up_after: float
    sleep: Sleep
    clock: Callable[[], float] = time.monotonic

    async def keep(self, attempt: Callable[[], Awaitable[object]]) -> None:
        """Run `attempt` until it succeeds: it is safe to repeat, since tasks and events are named.

        Raises CannotKeep: the services stayed away, or refuse it.
        """
        ends_at = self.clock() + self.give_up_after
        pause = _FIRST_PAUSE
        while True:
            try:
                await attempt()
            except (Unreachable, StoreUnavailable) as error:
                if self.clock() + pause >= ends_at:
                    raise CannotKeep(f"gave up after {self.give_up_after:g} s: {error}") from error
            except ProducerError as error:
                raise CannotKeep(str(error)) from error
            else:
                return
            await self.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

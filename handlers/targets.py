"""Says whether a target takes one more side effect now, and when who is refused shall come back.

Of each target a queue bounds how many side effects are under way (places), how many go a second (rate), and
leaves it alone after failures (breaker). Who is refused goes to the end of the target's line: it books a slot
at the target's rate, comes back then and needs no other, unless it is refused again. Nothing waits here, and
no target uses what is another's. Places are this process's own; breaker and line are those of all instances.
All of it belongs to one event loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from contracts import Queue
from handlers.delivery import (
    Busy,
    End,
    EndpointDisabled,
    NotWanted,
    OwnerPaused,
    Reason,
    Returned,
    TargetFailed,
    TargetRefused,
)
from handlers.durations import Durations
from handlers.known_targets import KnownTargets
from handlers.lines import Lines
from handlers.shared_breakers import SharedBreakers
from lanes import (
    Attempt,
    BreakerOpen,
    BreakerSettings,
    BulkheadFull,
    Bulkheads,
    BulkheadSettings,
    RateSettings,
    Sample,
    Telemetry,
)
from stores import Health, TargetStates


class By(StrEnum):
    """What let an attempt not go; the values are labels of a metric."""

    BREAKER = "breaker"
    PLACES = "places"
    RATE = "rate"
    SLOW = "slow"
    EFFECT = "effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One attempt that wants to go."""

    target: str
    has_slot: bool
    """It comes back at the slot that its refusal booked."""
    is_first: bool = False
    """It comes from the queue that first attempts share, not from its `-retry` sibling."""
    useful_until: datetime
    """No slot is booked beyond it: the task will be too old by then."""


class QueueTargets:
    """The targets of one queue, by its policy."""

    def __init__(
        self,
        queue: Queue,
        states: TargetStates,
        *,
        clock: Callable[[], datetime],
        random: Callable[[], float],
        on_park: Callable[[By], None],
    ) -> None:
        def seconds() -> float:
            return clock().timestamp()

        policy = queue.delivery
        per_second = policy.max_per_second_per_target
        pace = RateSettings(per_second=per_second, burst=max(1, round(per_second)))
        breaker = BreakerSettings(
            consecutive_failures=policy.breaker_failures,
            open_for=policy.breaker_open_for.total_seconds(),
            probe_age=policy.deadline.total_seconds(),
        )
        self._name = queue.name
        self._seconds = seconds
        self._on_park = on_park
        self._known = KnownTargets(queue.name, states, seconds=seconds)
        self._places = Bulkheads(BulkheadSettings(max_concurrent=policy.max_concurrent_per_target))
        self._slow_places = policy.max_concurrent_when_slow
        self._durations = Durations(
            policy.slow_after.total_seconds() if policy.slow_after else None, seconds=seconds
        )
        self._lines = Lines(pace, self._known, seconds=seconds, random=random)
        self._breakers = SharedBreakers(breaker, self._known, seconds=seconds)

    async def run(self, call: Call, effect: Callable[[], Awaitable[End]]) -> End:
        """Run the effect if it may go now; otherwise, or where the effect itself is busy, `Busy` with a slot.

        Whatever the effect raises passes through and says nothing of the target.
        """
        state = await self._known.read(call.target)
        if state.health.disabled_at is not None:
            return EndpointDisabled()
        is_slow = self._durations.is_slow(call.target)
        if is_slow and call.is_first:
            why = "it is slow, and waits where it holds up no other's first attempt"
            return await self._parked(call, By.SLOW, why, not_before=self._breakers.opens_at(call.target))
        places = self._slow_places if is_slow else None
        try:
            async with self._breakers.admit(call.target) as attempt:
                async with self._places.place(call.target, max_concurrent=places):
                    if not call.has_slot and not await self._lines.goes_now(call.target):
                        return await self._parked(call, By.RATE, "its calls of this second are used up")
                    with self._durations.timed(call.target) as timing:
                        end = await effect()
                        timing.counts = not isinstance(end, TargetFailed | Busy)
                _judge(attempt, end)
        except BreakerOpen as error:
            come_back_at = self._breakers.come_back_at(error)
            return await self._parked(call, By.BREAKER, str(error), not_before=come_back_at)
        except BulkheadFull as error:
            return await self._parked(call, By.PLACES, str(error))
        match end:
            case Busy(until, detail):
                return await self._parked(call, By.EFFECT, detail, not_before=until.timestamp())
            case OwnerPaused() | NotWanted(reason=Reason.NO_ENDPOINT):
                await self._breakers.forget(call.target)
        return end

    def health(self, target: str) -> Health:
        """The target's health as it is known here: of a second ago at most while the target is in use."""
        return self._known.of(target).health

    def learn(self, target: str, health: Health) -> None:
        """Somebody here has changed it to this."""
        self._known.learn(target, health)

    def samples(self) -> Iterator[Sample]:
        """What is, for the table of metrics."""
        places, known = self._places.statistics(), self._known.statistics()
        yield Sample("sidelane_targets", (self._name,), places.targets)
        yield Sample("sidelane_target_in_flight", (self._name,), places.in_flight)
        yield Sample("sidelane_target_slow_calls", (self._name,), self._durations.slow_calls())
        yield Sample("sidelane_target_lines", (self._name,), self._lines.booked())
        yield Sample("sidelane_target_reads", (self._name,), known.reads)
        yield Sample("sidelane_target_changes", (self._name,), known.changes)
        yield Sample("sidelane_target_store_failures", (self._name,), known.failed)
        yield from self._breakers.samples(self._name)

    async def _parked(self, call: Call, by: By, why: str, *, not_before: float = 0.0) -> Busy:
        """A slot at the end of the target's line; those of a slow one are as far apart as its places need."""
        self._on_park(by)
        apart = None
        if self._slow_places is not None and by in (By.SLOW, By.PLACES):
            # What has waited so long will wait for as long again: who comes sooner comes in vain.
            not_before = max(not_before, self._seconds() + self._durations.waited(call.target))
            apart = self._durations.took(call.target) / self._slow_places
        slot = await self._lines.slot(
            call.target,
            not_before=not_before,
            useful_until=call.useful_until.timestamp(),
            interval=apart,
        )
        return Busy(datetime.fromtimestamp(slot, UTC), f"{by}: {why}")


def _judge(attempt: Attempt, end: End) -> None:
    """What the end says of the target; our own faults, and what was never sent, say nothing."""
    match end:
        case (
            Returned()
            | TargetRefused(
                reason=Reason.GONE
                | Reason.ABORTED
                | Reason.ENDPOINT_DISABLED
                | Reason.REFUSED
                | Reason.WRONG_SENDER
            )
        ):
            attempt.succeeded()  # it answered
        case NotWanted(reason=Reason.DEVICE_GONE):
            attempt.succeeded()  # so it said
        case TargetFailed():
            attempt.failed()


class Targets:
    """The targets of every queue.

    Args:
        states: what all instances share.
        random: from 0 up to 1; spreads slots.
        telemetry: counts parks, and reads the rest.
    """

    def __init__(
        self,
        states: TargetStates,
        *,
        clock: Callable[[], datetime],
        random: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._states = states
        self._clock = clock
        self._random = random
        self._telemetry = telemetry
        self._queues: dict[str, QueueTargets] = {}
        telemetry.read(self._samples)

    def of(self, queue: Queue) -> QueueTargets:
        """Made when the queue is first asked for; there are as many as the catalog has queues."""
        found = self._queues.get(queue.name)
        if found is None:
            parks = self._telemetry.parks

            def count(by: By) -> None:
                parks.labels(queue=queue.name, by=by).inc()

            found = self._queues[queue.name] = QueueTargets(
                queue, self._states, clock=self._clock, random=self._random, on_park=count
            )
        return found

    def _samples(self) -> Iterator[Sample]:
        for targets in self._queues.values():
            yield from targets.samples()

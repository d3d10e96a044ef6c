"""Says whether a target takes one more side effect now, and when who is refused shall come back.

Of each target a queue bounds how many side effects are under way (places), how many go a second (rate), and
leaves it alone after failures (breaker). Who is refused goes to the end of the target's line: it books a slot
at the target's rate, comes back then and needs no other, unless it is refused again. Nothing waits here, and
no target uses what is another's. All of it belongs to one event loop and knows nothing of other instances.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from contracts import DeliveryPolicy, Queue
from handlers.delivery import Busy, End, NotWanted, OwnerPaused, Reason, Returned, TargetFailed, TargetRefused
from lanes import (
    Attempt,
    BreakerOpen,
    BreakerSettings,
    BulkheadFull,
    Bulkheads,
    BulkheadSettings,
    CircuitBreakers,
    Phase,
    Rates,
    RateSettings,
    Sample,
    Telemetry,
)

_PROBE_PAUSE = 1.0
"""Seconds for which those stay away who come while a probe is under way; most probes have ended by then."""


class By(StrEnum):
    """What let an attempt not go; the values are labels of a metric."""

    BREAKER = "breaker"
    PLACES = "places"
    RATE = "rate"
    EFFECT = "effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One attempt that wants to go."""

    target: str
    has_slot: bool
    """It comes back at the slot that its refusal booked."""
    useful_until: datetime
    """No slot is booked beyond it: the task will be too old by then."""


class QueueTargets:
    """The targets of one queue, by its policy.

    Places, rate and breaker remember 10,000 targets each; `lanes` tells what each does when there are more.
    """

    def __init__(
        self,
        policy: DeliveryPolicy,
        *,
        clock: Callable[[], datetime],
        random: Callable[[], float],
        on_park: Callable[[By], None],
    ) -> None:
        self._clock = clock
        self._on_park = on_park
        self._places = Bulkheads(BulkheadSettings(max_concurrent=policy.max_concurrent_per_target))
        per_second = policy.max_per_second_per_target
        self._pace = RateSettings(per_second=per_second, burst=max(1, round(per_second)))
        self._rates = Rates(self._pace, clock=self._seconds, random=random)
        self._breakers = CircuitBreakers(
            BreakerSettings(
                consecutive_failures=policy.breaker_failures,
                open_for=policy.breaker_open_for.total_seconds(),
                probe_age=policy.deadline.total_seconds(),
            ),
            clock=self._seconds,
        )

    async def run(self, call: Call, effect: Callable[[], Awaitable[End]]) -> End:
        """Run the effect if it may go now; otherwise, or where the effect itself is busy, `Busy` with a slot.

        Whatever the effect raises passes through and says nothing of the target.
        """
        try:
            with self._breakers.admit(call.target) as attempt:
                async with self._places.place(call.target):
                    if not call.has_slot and not self._goes_now(call.target):
                        return self._parked(call, By.RATE, "its calls of this second are used up")
                    end = await effect()
                self._judge(attempt, call.target, end)
        except BreakerOpen as error:
            return self._parked(call, By.BREAKER, str(error), not_before=self._probed_at(error))
        except BulkheadFull as error:
            return self._parked(call, By.PLACES, str(error))
        if isinstance(end, Busy):
            return self._parked(call, By.EFFECT, end.detail, not_before=end.until.timestamp())
        return end

    def samples(self, queue: str) -> Iterator[Sample]:
        """What is, for the table of metrics."""
        places, breakers = self._places.statistics(), self._breakers.statistics()
        rates = self._rates.statistics()
        yield Sample("sidelane_targets", (queue,), places.targets)
        yield Sample("sidelane_target_in_flight", (queue,), places.in_flight)
        yield Sample("sidelane_target_lines", (queue,), rates.targets)
        yield Sample("sidelane_target_breakers", (queue, Phase.CLOSED), breakers.closed)
        yield Sample("sidelane_target_breakers", (queue, Phase.OPEN), breakers.open)
        yield Sample("sidelane_target_breakers", (queue, Phase.HALF_OPEN), breakers.half_open)
        for (before, after), count in breakers.transitions.items():
            yield Sample("sidelane_target_breaker_transitions", (queue, before, after), count)
        yield Sample("sidelane_target_untracked", (queue, By.BREAKER), breakers.untracked)
        yield Sample("sidelane_target_untracked", (queue, By.RATE), rates.untracked)

    def _goes_now(self, target: str) -> bool:
        """Book the present, if nobody has."""
        if self._rates.peek(target) > self._seconds():
            return False
        self._rates.reserve(target)
        return True

    def _judge(self, attempt: Attempt, target: str, end: End) -> None:
        """What the end says of the target; our own faults, and what was never sent, say nothing."""
        match end:
            case (
                Returned()
                | TargetRefused(reason=Reason.GONE | Reason.ABORTED | Reason.REFUSED | Reason.WRONG_SENDER)
            ):
                attempt.succeeded()  # it answered
            case NotWanted(reason=Reason.DEVICE_GONE):
                attempt.succeeded()  # so it said
            case TargetFailed():
                attempt.failed()
            case OwnerPaused() | NotWanted(reason=Reason.NO_ENDPOINT):
                self._breakers.forget(target)

    def _parked(self, call: Call, by: By, why: str, *, not_before: float = 0.0) -> Busy:
        """Book a slot at the end of the target's line, at the earliest one interval from now."""
        self._on_park(by)
        line_ends = self._rates.state(call.target).booked_until
        slot = max(not_before, line_ends, self._seconds() + self._pace.interval)
        if slot <= call.useful_until.timestamp():  # if not, the slot is left to younger tasks
            slot = self._rates.reserve(call.target, not_before=slot)
        return Busy(datetime.fromtimestamp(slot, UTC), f"{by}: {why}")

    def _probed_at(self, refusal: BreakerOpen) -> float:
        """When the target may be known to be well again."""
        if self._breakers.state(refusal.target).phase is Phase.HALF_OPEN:
            return min(refusal.retry_at, self._seconds() + _PROBE_PAUSE)
        return refusal.retry_at

    def _seconds(self) -> float:
        return self._clock().timestamp()


class Targets:
    """The targets of every queue.

    Args:
        random: from 0 up to 1; spreads slots.
        telemetry: counts parks, and reads the rest.
    """

    def __init__(
        self, *, clock: Callable[[], datetime], random: Callable[[], float], telemetry: Telemetry
    ) -> None:
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
                queue.delivery, clock=self._clock, random=self._random, on_park=count
            )
        return found

    def _samples(self) -> Iterator[Sample]:
        for name, targets in self._queues.items():
            yield from targets.samples(name)

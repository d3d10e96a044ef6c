"""A downstream that fails at once: its breaker opens, lets one probe go, and closes when that succeeds."""

from __future__ import annotations

import asyncio

from tests.load.client import UNTIL_RELEASED, Metrics, Seen
from tests.load.downstream import Downstream, Fault
from tests.load.parked import HEALTHY
from tests.load.stage import BREAKER_FAILURES, Stage
from tests.load.verdicts import Assertion

CALLS = 40


async def judge_failing(stage: Stage, downstream: Downstream) -> None:
    """`downstream` fails from the start; each call to it must end, most of them unsent."""
    client, verdicts, url = stage.client, stage.verdicts, {"url": downstream.url}
    before = await stage.measure()
    ends = [await client.ask("/work", url) for _ in range(CALLS)]  # in turn: so they count
    now = await client.metrics()
    probes = _transitions(now, "half-open") - _transitions(before.metrics, "half-open")
    verdicts.same(
        Assertion.CAUSAL, "the number of calls sent", downstream.requests, BREAKER_FAILURES + probes
    )
    refused = [end for end in ends if end.error == "BreakerOpen"]
    verdicts.same(Assertion.CAUSAL, "calls refused", len(refused), CALLS - downstream.requests)
    unanswered = [end for end in ends if not end.status]
    verdicts.same(Assertion.CAUSAL, "calls that hung", len(unanswered), 0)
    healthy, others = await asyncio.gather(
        client.ask_many(HEALTHY, "/healthy"), client.ask_many(HEALTHY, "/work", {"url": stage.other.url})
    )
    verdicts.all_good(Assertion.CAUSAL, "healthy requests", healthy)
    verdicts.hold(Assertion.CAUSAL, await client.ping(), "the WebSocket did not answer")
    verdicts.all_good(Assertion.ISOLATION, "requests to another target", others)

    await _judge_probe(stage, downstream)
    await downstream.release()

    async def is_closed() -> bool:
        return (await client.ask("/work", url)).is_good

    verdicts.hold(Assertion.RECOVERY, await client.until(is_closed), "the breaker never closed")
    await stage.judge_recovery(before)


async def _judge_probe(stage: Stage, downstream: Downstream) -> None:
    """One probe is held by the downstream; nobody else is let go meanwhile."""
    client, verdicts, url = stage.client, stage.verdicts, {"url": downstream.url}
    downstream.go_wrong(Fault.BEFORE_HEADERS)
    work: list[asyncio.Task[Seen]] = []

    async def is_probed() -> bool:
        work.append(asyncio.create_task(client.ask("/work", url, within=UNTIL_RELEASED)))
        await asyncio.wait(work[-1:], timeout=0.1)
        return downstream.parked > 0

    verdicts.hold(Assertion.RECOVERY, await client.until(is_probed), "no probe went")
    more = await client.ask_many(HEALTHY, "/work", url)
    verdicts.all_refused(Assertion.CAUSAL, "calls beside the probe", more, "BreakerOpen")
    verdicts.same(Assertion.CAUSAL, "the number of probes", downstream.parked, 1)
    await downstream.release()
    await client.ended(work)


def _transitions(metrics: Metrics, after: str) -> float:
    return metrics.total("sidelane_breaker_transitions_total", lane="default", after=after)

"""SIGTERM while requests are under way: what can end ends, the rest is cut off and told, all in time."""

from __future__ import annotations

import asyncio
import json
import signal

from tests.load.backend import serving
from tests.load.client import HANG, UNTIL_RELEASED, client
from tests.load.downstream import Fault, running
from tests.load.stage import DECLARED
from tests.load.verdicts import Assertion, Verdicts

REQUESTS = 4
SHUTDOWN_SECONDS = 2
"""That uvicorn gives requests under way."""
DRAIN_SECONDS = 1
"""That the lanes give what no request waits for."""
LEFT = {
    "latest_waiting": 0,
    "latest_sending": 1,
    "requests": 1,
    "jobs_dropped": 0,
    "jobs_running": 1,
}


async def judge_drain(verdicts: Verdicts, *, loop: str) -> None:
    """One target answers after the signal, another one never does."""
    settings = DECLARED | {"SIDELANE_DRAIN_SECONDS": str(DRAIN_SECONDS), "SIDELANE_JSON_LOGS": "true"}
    async with (
        running(Fault.BEFORE_HEADERS) as slow,
        running(Fault.BEFORE_HEADERS) as stuck,
        serving(settings, loop=loop, shutdown_within=SHUTDOWN_SECONDS) as backend,
        client(backend.port) as asking,
    ):
        requests = {
            target: [
                asyncio.create_task(asking.ask("/work", {"url": target.url}, within=UNTIL_RELEASED))
                for _ in range(REQUESTS)
            ]
            for target in (slow, stuck)
        }
        await asking.ask("/unattended", {"url": stuck.url}, method="POST")

        async def is_held() -> bool:
            return (slow.parked, stuck.parked) == (REQUESTS, REQUESTS + 3)

        verdicts.hold(
            Assertion.DRAIN, await asking.until(is_held), f"{slow.parked} and {stuck.parked} are held"
        )
        backend.terminate()
        await backend.logged("Shutting down")
        await slow.release()
        ends = await asking.ended(requests[slow])
        verdicts.all_good(Assertion.DRAIN, "requests that could end", ends)
        code = await backend.ended(SHUTDOWN_SECONDS + DRAIN_SECONDS + HANG)
        cut = await asking.ended(requests[stuck])
        verdicts.hold(
            Assertion.DRAIN, not any(end.is_good for end in cut), "requests that could not end were answered"
        )
    # uvicorn ends itself by the signal that it got, once it is done.
    verdicts.hold(Assertion.DRAIN, code in (0, -signal.SIGTERM), f"the process ended with {code}")
    told = [json.loads(line) for line in backend.lines if '"lanes are closed, ' in line]
    verdicts.hold(
        Assertion.DRAIN, [line["left"] for line in told] == [LEFT], f"the log says of what was left: {told}"
    )

"""The demo's acts: conversations are told, handlers killed, the account taken, dead letters replayed.

Every wait in it is bounded; what has not happened by then is counted as it stands.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from cli.demo.account import faults
from cli.demo.conversations import deal
from cli.demo.endpoints import EndpointKind, endpoints
from cli.demo.errors import ProcessFailed, UnexpectedAnswer
from cli.demo.stage import Stage, open_stage
from cli.demo.stream import Stream, schedule
from cli.demo.survey import Findings
from cli.demo.view import View
from contracts import Conversation

STREAM_SECONDS = 10.0
SETTLED_BY = 60.0
"""Seconds from the start by which the account is taken."""
REPLAYED_BY = 80.0
"""Seconds from the start by which replayed dead letters must have arrived."""
LOOK_SECONDS = 0.4
"""Pause between two looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How it ended."""

    findings: Findings
    """As they stood before the replay."""
    faults: tuple[str, ...]
    """What went wrong, in words; empty where the demo showed what it should."""


async def run(conversations: Sequence[Conversation], data: Path, view: View) -> Result:
    """Play the demo in the empty folder `data`.

    Raises:
        DemoError: a service or the stream of conversations failed.
        StoreError: the stores cannot be read.
    """
    begun = asyncio.get_running_loop().time()
    view.say("starting the emulator, the handlers, the dead-letter function and the backend")
    async with open_stage(data) as stage:
        await _tell(stage, conversations, view, by=begun + SETTLED_BY)
        view.say("everything is told; waiting until nothing is on its way any more")
        before = await _settled(stage, view, by=begun + SETTLED_BY)
        reasons = Counter(kept.letter.reason for kept in before.letters)
        view.say("settled" if before.whole.settled else f"not settled within {SETTLED_BY:g} s")
        view.say("dead letters by reason: " + _listed(reasons))
        if duplicates := before.account().duplicates:
            view.say(
                f"{duplicates} receipts repeat an earlier one under its delivery id: at least once it is"
            )
        not_redelivered = await _replay(stage, before.whole.dead, view, by=begun + REPLAYED_BY)
    return Result(
        findings=before,
        faults=tuple(faults(before.account(), without_reason=reasons[""], not_redelivered=not_redelivered)),
    )


async def _tell(stage: Stage, conversations: Sequence[Conversation], view: View, *, by: float) -> None:
    dealt = tuple(deal(conversations))
    stream = Stream(
        schedule(dealt, new_stream_id=lambda: uuid4().hex),
        stage.client,
        backend=f"http://{stage.services.backend}",
        seconds=STREAM_SECONDS,
        on_accepted=stage.survey.note,
    )
    view.say(f"telling the backend {len(dealt)} conversations of {len(EndpointKind)} users")
    try:
        async with asyncio.timeout_at(by), asyncio.TaskGroup() as group:
            watching = group.create_task(_watch(stage, view))
            crash = group.create_task(_crash(stage, stream.half_told, view))
            await stream.run()
            await crash
            watching.cancel()
    except TimeoutError as error:
        raise UnexpectedAnswer(
            f"the conversations were not told within {SETTLED_BY:g} s; give fewer with --input"
        ) from error


async def _watch(stage: Stage, view: View) -> None:
    while True:
        await _look(stage, view)
        await asyncio.sleep(LOOK_SECONDS)


async def _look(stage: Stage, view: View) -> Findings:
    findings = await stage.survey.look()
    view.show(findings)
    await stage.processes.check()
    return findings


async def _crash(stage: Stage, moment: asyncio.Event, view: View) -> None:
    await moment.wait()
    view.say("half is told: killing the handlers with SIGKILL")
    await stage.processes.kill("handlers")
    view.say("the handlers are dead, the backend goes on accepting; starting them again")
    await stage.processes.start(stage.handlers)
    view.say("the handlers are back")


async def _settled(stage: Stage, view: View, *, by: float) -> Findings:
    loop = asyncio.get_running_loop()
    while True:
        findings = await _look(stage, view)
        if findings.whole.settled or loop.time() >= by:
            return findings
        await asyncio.sleep(LOOK_SECONDS)


async def _replay(stage: Stage, dead: frozenset[str], view: View, *, by: float) -> int:
    """Replay every dead letter; how many of them did not arrive in time."""
    loop = asyncio.get_running_loop()
    stage.receiver.repair()
    view.say(
        "the dead and the gone endpoint are repaired; running: sidelane endpoints enable, dead replay --all"
    )
    gone = [each for each in endpoints(stage.receiver.url) if each.uid == EndpointKind.GONE.uid]
    commands = [stage.services.enable_command(endpoint, stage.emulator) for endpoint in gone]
    commands.append(stage.services.replay_command(stage.emulator))
    try:
        for command in commands:
            said = await stage.processes.run(command, deadline=max(0.0, by - loop.time()))
            view.say(said.splitlines()[-1])
    except ProcessFailed as error:
        # What it left behind is missed below; the account of before stands.
        view.say(str(error))
    while True:
        findings = await _look(stage, view)
        missing = dead - findings.whole.delivered
        if not missing or loop.time() >= by:
            view.say(f"{len(dead - missing)} of {len(dead)} dead letters are delivered now")
            return len(missing)
        await asyncio.sleep(LOOK_SECONDS)


def _listed(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason or 'none given'} {count}" for reason, count in reasons.most_common()) or "none"

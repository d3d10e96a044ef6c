"""Children are waited for, seen to die, killed, and never left behind. With real processes."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cli.demo.errors import ProcessFailed
from cli.demo.processes import Command, Process, Processes, Service

READY_THEN_WAIT = "import signal; print('ready', flush=True); signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY_THEN_WAIT
GRANDCHILD = "import fcntl, sys; fcntl.flock(open(sys.argv[1], 'w'), fcntl.LOCK_EX); " + READY_THEN_WAIT
PARENT = f'import subprocess, sys; subprocess.run([sys.executable, "-c", """{GRANDCHILD}""", sys.argv[1]])'


async def said_ready(process: Process) -> bool:
    return "ready" in await process.output()


async def never(_: Process) -> bool:
    return False


def service(code: str, name: str = "child", **environment: str) -> Service:
    return Service(name=name, argv=[sys.executable, "-c", code], environment=environment, ready=said_ready)


def has_let_go_of(file: Path) -> bool:
    """Whether nobody holds the lock on `file`; a process lets go of it with its end."""
    with file.open() as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_ready_process_runs_with_its_environment_and_ends_with_the_block(tmp_path: Path) -> None:
    code = "import os; print(os.environ['GREETING']); " + READY_THEN_WAIT
    async with Processes(tmp_path / "logs") as processes:
        process = await processes.start(service(code, GREETING="hello"))
        await processes.check()
        assert is_alive(process.pid)
        assert await process.output() == "hello\nready\n"
        assert process.log == tmp_path / "logs" / "child.log"
    assert not is_alive(process.pid)


async def test_a_process_that_ends_before_it_is_ready_shows_the_end_of_its_log(tmp_path: Path) -> None:
    code = "print('\\n'.join(f'line {n}' for n in range(100))); raise SystemExit('no such queue')"
    async with Processes(tmp_path) as processes:
        with pytest.raises(ProcessFailed) as failed:
            await processes.start(
                Service(name="child", argv=[sys.executable, "-c", code], environment={}, ready=never)
            )
    message = str(failed.value)
    assert message.startswith(f"child ended on its own with code 1; the end of {tmp_path}/child.log:\n")
    assert message.endswith("  line 99\n  no such queue")
    assert "line 50" not in message


async def test_a_process_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    async with Processes(tmp_path, ready_deadline=0.2) as processes:
        with pytest.raises(ProcessFailed, match=r"child was not ready after 0\.2 s; the end of"):
            await processes.start(
                Service(
                    name="child", argv=[sys.executable, "-c", READY_THEN_WAIT], environment={}, ready=never
                )
            )


async def test_a_command_that_is_not_there_says_so(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        with pytest.raises(ProcessFailed, match=r"child cannot be started: .*No such file"):
            await processes.start(Service(name="child", argv=["/none"], environment={}, ready=never))


async def test_a_killed_process_is_no_failure_and_can_be_started_again(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        first = await processes.start(service(READY_THEN_WAIT))
        await processes.kill("child")
        assert not is_alive(first.pid)
        await processes.check()
        second = await processes.start(service(READY_THEN_WAIT))
        assert is_alive(second.pid)
    assert not is_alive(second.pid)


async def test_a_process_that_dies_by_itself_is_seen(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        process = await processes.start(service(READY_THEN_WAIT))
        os.kill(process.pid, 9)
        await process.ended()
        with pytest.raises(ProcessFailed, match="child ended on its own with code -9"):
            await processes.check()


async def test_a_process_that_does_not_listen_to_sigterm_is_killed(tmp_path: Path) -> None:
    async with Processes(tmp_path, term_deadline=0.2) as processes:
        process = await processes.start(service(DEAF))
    assert not is_alive(process.pid)


async def test_what_a_process_started_ends_with_it(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        parent = service(PARENT)
        await processes.start(replace(parent, argv=[*parent.argv, str(tmp_path / "held")]))
    assert await asyncio.to_thread(has_let_go_of, tmp_path / "held")


async def test_an_interrupted_block_leaves_nothing_behind(tmp_path: Path) -> None:
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def demo() -> None:
        async with Processes(tmp_path) as processes:
            started.set_result((await processes.start(service(READY_THEN_WAIT))).pid)
            await asyncio.Event().wait()

    task = asyncio.create_task(demo())
    pid = await started
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_alive(pid)


async def test_a_command_runs_to_its_end(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        command = Command(name="replay", argv=[sys.executable, "-c", "print('done 3')"], environment={})
        assert await processes.run(command, deadline=10) == "done 3\n"
        await processes.check()


async def test_a_command_that_fails_or_takes_too_long_says_so(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        failing = Command(name="replay", argv=[sys.executable, "-c", "exit('no queue')"], environment={})
        with pytest.raises(ProcessFailed, match=r"replay failed with code 1; [^\0]*no queue"):
            await processes.run(failing, deadline=10)
        endless = Command(name="replay", argv=[sys.executable, "-c", READY_THEN_WAIT], environment={})
        with pytest.raises(ProcessFailed, match=r"replay took longer than 0\.2 s"):
            await processes.run(endless, deadline=0.2)

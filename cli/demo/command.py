"""`sidelane demo`: reads what it is given, plays the demo, says how it ended. Starts no service itself."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.demo.conversations import read_conversations
from cli.demo.errors import BadInput, DemoError
from cli.demo.run import Result, run
from cli.demo.services import CONVERSATIONS
from cli.demo.view import as_table, open_view
from contracts import Conversation
from stores import StoreError

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130


def demo(
    conversations: Annotated[
        Path, typer.Option("--input", metavar="FILE", help="Conversations as JSON Lines.")
    ] = CONVERSATIONS,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep everything in this empty folder instead of a temporary one."),
    ] = None,
) -> None:
    """Show the whole way of a side effect, with five endpoints, a crash and a replay, in about a minute.

    The last line counts what became of every accepted delivery before the replay. Ends with 0 if nothing was
    lost and everything arrived that could, with 1 if not, with 2 if the input cannot be used.
    """
    try:
        told = read_conversations(conversations)
        folder = _folder(data)
    except BadInput as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from error
    code = _play(told, folder)
    if code == FAILED:
        typer.echo(f"logs and data are kept in {folder}", err=True)
    elif data is None:
        shutil.rmtree(folder)
    raise typer.Exit(code)


def _folder(data: Path | None) -> Path:
    if data is None:
        return Path(tempfile.mkdtemp(prefix="sidelane-demo-"))
    try:
        data.mkdir(parents=True, exist_ok=True)
        if any(data.iterdir()):
            raise BadInput(f"--data {data}: is not empty; name a folder that is empty or not there yet")
    except OSError as error:
        raise BadInput(f"--data {data}: cannot be used ({error.strerror}); name another folder") from error
    return data.resolve()


def _play(told: Sequence[Conversation], folder: Path) -> int:
    console = Console()
    code = FAILED
    try:
        result = asyncio.run(_run(told, folder, console))
    except* (DemoError, StoreError) as failures:
        for failure in _leaves(failures):
            typer.echo(f"error: {failure}", err=True)
    except* (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo("interrupted; every service has been ended", err=True)
        code = INTERRUPTED
    else:
        code = _tell(result, console)
    return code


async def _run(told: Sequence[Conversation], folder: Path, console: Console) -> Result:
    # SIGTERM ends it as Ctrl-C does: by cancelling, so that every block cleans up.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)
    with open_view(console) as view:
        return await run(told, folder, view)


def _tell(result: Result, console: Console) -> int:
    account = result.findings.account()
    console.print(as_table(result.findings))
    if account.skipped:
        console.print(f"{account.skipped} deliveries were skipped, as their owner wants it")
    sys.stdout.flush()
    for fault in result.faults:
        typer.echo(f"failed: {fault}", err=True)
    typer.echo(account.line())
    return FAILED if result.faults else 0


def _leaves(group: BaseExceptionGroup[BaseException]) -> Sequence[BaseException]:
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves

"""`sidelane up`: runs the emulator on the resources of the queue catalog."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from cli.resources import queues_of, subscriptions_of, topics_of
from contracts import CatalogError, load_catalog
from emulator import AdjustableClock, Emulator, EmulatorError, EmulatorSettings, Faults, TasksSettings

_OPEN_FILES = 16_384
"""What the process asks the system for: each dispatch and each caller is a connection."""


def up(
    data: Annotated[Path, typer.Option(file_okay=False, help="Folder of everything that is kept.")] = Path(
        ".sidelane"
    ),
    queues: Annotated[Path, typer.Option(dir_okay=False, help="The queue catalog.")] = Path(
        "infra/terraform/queues.yaml"
    ),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    tasks_port: Annotated[int, typer.Option(min=0, max=65535, help="Cloud Tasks, gRPC; 0 is any.")] = 8123,
    pubsub_port: Annotated[int, typer.Option(min=0, max=65535, help="Pub/Sub, gRPC; 0 is any.")] = 8085,
    http_port: Annotated[int, typer.Option(min=0, max=65535, help="Certificates, console; 0 is any.")] = 8124,
    project: Annotated[str, typer.Option(help="Project of the queues and topics.")] = "sidelane-local",
    location: Annotated[str, typer.Option(help="Location of the queues.")] = "us-central1",
    dead_letter_url: Annotated[
        str | None, typer.Option(help="Push dead letters here; without it they wait to be pulled.")
    ] = None,
    handlers_url: Annotated[
        str | None,
        typer.Option(help="Push events to this handlers service; without it they wait to be pulled."),
    ] = None,
    throttling: Annotated[
        bool, typer.Option(help="Let 429, 503 and Retry-After slow their queue down, as production does.")
    ] = False,
    app_engine_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Send App Engine tasks here; without it their attempts fail."),
    ] = None,
    task_tombstone_ttl: Annotated[
        float, typer.Option(min=0, help="Seconds for which the name of a task that ended stays taken.")
    ] = 3600.0,
    queue_tombstone_ttl: Annotated[
        float, typer.Option(min=0, help="Seconds for which the name of a deleted queue stays taken.")
    ] = 0.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Switch on from the start; can be repeated. Rates from 0 to 1: duplicate, drop, reorder, "
            "error_5xx; seconds: delay. Can be changed at /emulator/v1/faults of the HTTP port.",
        ),
    ] = None,
) -> None:
    """Run Cloud Tasks and Pub/Sub on this machine, for the unmodified Google clients.

    Prints one line when it is ready. What it acknowledged survives a kill -9; SIGTERM and Ctrl-C end it.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    _allow_open_files()
    try:
        catalog = load_catalog(queues)
        emulator = Emulator(
            EmulatorSettings(
                data_dir=data,
                host=host,
                tasks_port=tasks_port,
                pubsub_port=pubsub_port,
                http_port=http_port,
                tasks=TasksSettings(
                    task_tombstone_ttl=task_tombstone_ttl,
                    queue_tombstone_ttl=queue_tombstone_ttl,
                    app_engine_url=app_engine_url,
                    throttling=throttling,
                ),
            ),
            queues=queues_of(catalog, f"projects/{project}/locations/{location}"),
            topics=topics_of(catalog, project),
            subscriptions=subscriptions_of(
                catalog, project, dead_letter_url=dead_letter_url, handlers_url=handlers_url
            ),
            clock=AdjustableClock(),
            die=_die,
        )
        emulator.faults.set(faults_of(fault or ()))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # a tenth to a fifth less work
            runner.run(_run(emulator))
    except (CatalogError, EmulatorError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def faults_of(switches: Sequence[str]) -> Faults:
    """Faults of `NAME=VALUE` each. Raises typer.BadParameter."""
    values: dict[str, float] = {}
    for switch in switches:
        name, _, value = switch.partition("=")
        try:
            values[name] = float(value)
        except ValueError as exc:
            raise typer.BadParameter(f"{switch!r} is not NAME=NUMBER, as duplicate=0.1 is") from exc
    try:
        return Faults(**values)
    except TypeError as exc:
        known = ", ".join(field.name for field in fields(Faults))
        raise typer.BadParameter(f"there are only these faults: {known}") from exc
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc


def _die() -> None:
    """As kill -9 does it: where a crash that was switched on strikes."""
    os.kill(os.getpid(), signal.SIGKILL)


async def _run(emulator: Emulator) -> None:
    """Until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await emulator.open()
    try:
        addresses = emulator.addresses
        typer.echo(f"ready tasks={addresses.tasks} pubsub={addresses.pubsub} http={addresses.http}")
        await stopped.wait()
    finally:
        await emulator.aclose()


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

"""`sidelane up`: turns the queue catalog into Google's resources and runs the emulator on them."""

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
from google.cloud.tasks_v2 import types as tasks_types
from google.pubsub_v1 import types as pubsub_types

from contracts import Catalog, CatalogError, load_catalog
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
            queues=queue_resources(catalog, f"projects/{project}/locations/{location}"),
            topics=dead_letter_topics(catalog, project),
            subscriptions=dead_letter_subscriptions(catalog, project, push_to=dead_letter_url),
            clock=AdjustableClock(),
            die=_die,
        )
        emulator.faults.set(faults_of(fault or ()))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # a tenth to a fifth less work
            runner.run(_run(emulator))
    except (CatalogError, EmulatorError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def queue_resources(catalog: Catalog, parent: str) -> list[tasks_types.Queue]:
    """The catalog's queues as Cloud Tasks resources under `parent` (`projects/P/locations/L`)."""
    return [
        tasks_types.Queue(
            name=f"{parent}/queues/{queue.name}",
            rate_limits=tasks_types.RateLimits(
                max_dispatches_per_second=queue.rate_limits.max_dispatches_per_second,
                max_concurrent_dispatches=queue.rate_limits.max_concurrent_dispatches,
            ),
            retry_config=tasks_types.RetryConfig(
                max_attempts=queue.retry.max_attempts,
                min_backoff=queue.retry.min_backoff,
                max_backoff=queue.retry.max_backoff,
                max_doublings=queue.retry.max_doublings,
            ),
        )
        for queue in catalog.cloud_tasks_queues()
    ]


def dead_letter_topics(catalog: Catalog, project: str) -> list[pubsub_types.Topic]:
    """The topic of every dead letter that the catalog names."""
    return [
        pubsub_types.Topic(name=f"projects/{project}/topics/{topic}")
        for topic in catalog.dead_letter_topics()
    ]


def dead_letter_subscriptions(
    catalog: Catalog, project: str, *, push_to: str | None
) -> list[pubsub_types.Subscription]:
    """A subscription for each dead-letter topic, by the same name: push with an OIDC token, or pull."""
    push = None
    if push_to is not None:
        email = f"dead-letters@{project}.iam.gserviceaccount.com"
        push = pubsub_types.PushConfig(
            push_endpoint=push_to,
            oidc_token=pubsub_types.PushConfig.OidcToken(service_account_email=email, audience=push_to),
        )
    return [
        pubsub_types.Subscription(
            name=f"projects/{project}/subscriptions/{topic}",
            topic=f"projects/{project}/topics/{topic}",
            push_config=push,
        )
        for topic in catalog.dead_letter_topics()
    ]


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

"""`sidelane apps`: what an operator sees and changes, and that a secret is shown once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from typer.testing import CliRunner, Result

from cli.apps import app
from contracts import AppWebhook, DeadLetter, Envelope, app_server
from handlers.ends import Reason, TargetRefused
from handlers.health import judged
from handlers.signing import public_key
from stores import App, Health
from stores.sqlite import SqliteStores, open_sqlite
from tests.contracts.events import created

T = TypeVar("T")
URL = "https://weather.example/hook?x=1"
ADD = ("add", "weather", URL, "--owner", "maker", "--trigger", "memory_creation", "--name", "Weather")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "stores.sqlite3"
    monkeypatch.setenv("SIDELANE_DATABASE", str(path))
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("NO_COLOR", "1")
    within(path, _nothing)
    return path


async def _nothing(_: SqliteStores) -> None:
    """Opening the file has made it."""


def within(path: Path, use: Callable[[SqliteStores], Awaitable[T]]) -> T:
    async def opened() -> T:
        async with open_sqlite(path) as stores:
            return await use(stores)

    return asyncio.run(opened())


def kept(path: Path) -> App:
    found = within(path, lambda stores: stores.apps.app("weather"))
    assert found is not None
    return found


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def listed(*words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("list", "--json", *words).stdout.splitlines()]


def test_an_added_app_shows_its_secret_once(database: Path) -> None:
    added = run(*ADD, "--trigger", "audio_bytes")
    assert added.exit_code == 0
    secret = added.stdout.strip()
    found = kept(database)
    assert [(key.secret, key.not_after) for key in found.keys] == [(secret, None)]
    assert (found.name, found.owner, found.url, found.paused) == ("Weather", "maker", URL, False)
    assert found.triggers == {"memory_creation", "audio_bytes"}
    shown = run("list").stdout + run("list", "--json").stdout
    assert "1 apps" in shown
    assert "audio_bytes, memory_creation" in shown
    assert secret.removeprefix("whsec_") not in shown


def test_adding_it_again_is_refused_and_changes_nothing(database: Path) -> None:
    run(*ADD)
    before = kept(database)
    again = run(*ADD)
    assert again.exit_code == 1
    assert "rotate-key" in again.output
    assert "whsec_" not in again.output
    assert kept(database) == before


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("a/b", URL, "--owner", "m", "--trigger", "audio_bytes"), "at most 64 letters"),
        (("a", "http://10.0.0.1/", "--owner", "m", "--trigger", "audio_bytes"), "url:"),
        (("a", URL, "--owner", "m", "--trigger", "audio_bytes", "--name", " "), "not blank"),
        (("a", URL, "--owner", "m", "--trigger", "audio_bytes", "--name", "n" * 101), "100 characters"),
        (("a", URL, "--owner", "m", "--trigger", "everything"), "everything"),
        (("a", URL, "--owner", "m"), "--trigger"),
        (("a", URL, "--trigger", "audio_bytes"), "--owner"),
    ],
)
def test_what_cannot_be_an_app_is_refused(database: Path, words: tuple[str, ...], complaint: str) -> None:
    refused = run("add", *words)
    assert refused.exit_code == 2
    assert complaint in refused.output
    assert listed() == []


def test_a_rotation_keeps_the_old_key_for_a_while(database: Path) -> None:
    first = run(*ADD).stdout.strip()
    before = datetime.now(UTC)
    second = run("rotate-key", "weather", "--scheme", "v1a").stdout.splitlines()[0]
    keys = kept(database).keys
    assert [public_key(keys[0].secret), keys[1].secret] == [second, first]
    assert keys[1].not_after is not None
    assert before <= keys[1].not_after - timedelta(hours=24) <= datetime.now(UTC)
    assert [key["scheme"] for key in listed()[0]["keys"]] == ["v1a", "v1"]


def test_a_paused_app_says_so_until_it_is_resumed(database: Path) -> None:
    run(*ADD)
    assert run("pause", "weather").exit_code == 0
    assert listed()[0]["paused"]
    assert "paused" in run("list").stdout
    assert run("resume", "weather").exit_code == 0
    assert not kept(database).paused


def test_a_user_enables_and_disables_an_app(database: Path) -> None:
    run(*ADD)
    assert run("enable", "ada", "weather").stdout == "enabled\n"
    assert run("enable", "ada", "weather").stdout == "is enabled already\n"
    assert [each["id"] for each in listed("--uid", "ada")] == ["weather"]
    assert listed("--uid", "bob") == []
    assert run("disable", "ada", "weather").stdout == "disabled\n"
    assert run("disable", "ada", "weather").stdout == "was not enabled\n"
    assert listed("--uid", "ada") == []


@pytest.mark.parametrize(
    "words",
    [("pause", "x"), ("resume", "x"), ("rotate-key", "x"), ("enable", "ada", "x"), ("recover", "x")],
)
def test_an_app_that_there_is_not_is_named(database: Path, words: tuple[str, ...]) -> None:
    refused = run(*words)
    assert refused.exit_code == 1
    assert "there is no app x" in refused.output


def fail(path: Path) -> None:
    """The server said that it is gone, and a task died of that."""
    now = datetime.now(UTC)
    gone = TargetRefused(Reason.GONE, "answered 410 Gone")

    def judge(health: Health) -> Health:
        return judged(health, gone, now=now, disable_after=timedelta(days=5))

    task = AppWebhook(app_id="weather", uid="ada", event=created().as_webhook())
    letter = DeadLetter.of(
        Envelope.seal(task, accepted_at=now),
        queue=task.queue,
        target=task.target(),
        owner="ada",
        reason=Reason.GONE,
        detail="answered 410 Gone",
        died_at=now,
    )

    async def both(stores: SqliteStores) -> None:
        await stores.targets.change_health(app_server("weather"), judge)
        await stores.dead_letters.add(letter)

    within(path, both)


def test_a_server_that_was_disabled_is_listed_and_a_recovery_would_replay_what_it_missed(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", "127.0.0.1:9")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:9")
    run(*ADD)
    fail(database)
    assert listed()[0]["disabled_for"] == "gone"
    planned = run("recover", "weather", "--dry-run")
    assert planned.exit_code == 0
    assert "would enable" in planned.output
    assert "app-webhook weather/memory_created/ada/c-1/0: would be generation 1 on app-webhooks" in (
        planned.output
    )
    assert listed()[0]["disabled_at"]
    assert run("recover", "weather", "--no-recover").exit_code == 0
    assert listed()[0]["disabled_at"] is None

"""`sidelane endpoints`: what an operator sees and changes, and that a secret is shown once."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from typer.testing import CliRunner, Result

from cli.endpoints import app
from contracts import (
    Conversation,
    DeadLetter,
    DeveloperWebhook,
    Envelope,
    MemoryCreated,
    Structured,
    developer_endpoint,
)
from handlers.delivery import End, Reason, TargetFailed, TargetRefused
from handlers.health import judged
from handlers.signing import public_key
from stores import Endpoint
from stores.sqlite import SqliteStores, open_sqlite

T = TypeVar("T")
URL = "https://example.com/hook?x=1"
TARGET = developer_endpoint("u1", "memory_created")


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


def kept(path: Path) -> Endpoint:
    found = within(path, lambda stores: stores.directory.endpoint("u1", "memory_created"))
    assert found is not None
    return found


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def listed(*words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("list", "--json", *words).stdout.splitlines()]


def test_an_added_endpoint_shows_its_secret_once(database: Path) -> None:
    added = run("add", "u1", "memory_created", URL)
    assert added.exit_code == 0
    secret = added.stdout.strip()
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert [(key.secret, key.not_after) for key in kept(database).keys] == [(secret, None)]
    assert (kept(database).url, kept(database).paused) == (URL, False)
    shown = run("list").stdout + run("list", "--json").stdout
    assert "1 endpoints" in shown
    assert URL in shown
    assert secret.removeprefix("whsec_") not in shown


def test_of_a_v1a_key_the_public_half_is_shown_alone(database: Path) -> None:
    added = run("add", "u1", "memory_created", URL, "--scheme", "v1a")
    secret = kept(database).keys[0].secret
    assert secret.startswith("whsk_")
    assert added.output.strip() == public_key(secret)


def test_adding_it_again_is_refused_and_changes_nothing(database: Path) -> None:
    run("add", "u1", "memory_created", URL)
    before = kept(database)
    again = run("add", "u1", "memory_created", "https://example.com/other")
    assert again.exit_code == 1
    assert "rotate-key" in again.output
    assert "whsec_" not in again.output
    assert kept(database) == before


def test_a_rotation_keeps_the_old_key_for_a_while(database: Path) -> None:
    first = run("add", "u1", "memory_created", URL).stdout.strip()
    before = datetime.now(UTC)
    second = run("rotate-key", "u1", "memory_created", "--scheme", "v1a").stdout.splitlines()[0]
    keys = kept(database).keys
    assert [public_key(keys[0].secret), keys[1].secret] == [second, first]
    assert keys[1].not_after is not None
    assert before <= keys[1].not_after - timedelta(hours=24) <= datetime.now(UTC)
    assert [key["scheme"] for key in listed()[0]["keys"]] == ["v1a", "v1"]
    assert f"v1 until {keys[1].not_after:%Y-%m-%dT%H:%M}" in run("list").stdout


def test_a_stolen_key_signs_no_more(database: Path) -> None:
    run("add", "u1", "memory_created", URL)
    third = run("rotate-key", "u1", "memory_created", "--overlap-hours", "0").stdout.splitlines()[0]
    assert [key.secret for key in kept(database).keys] == [third]


def test_the_eleventh_key_is_refused(database: Path) -> None:
    run("add", "u1", "memory_created", URL)
    for _ in range(9):
        assert run("rotate-key", "u1", "memory_created").exit_code == 0
    refused = run("rotate-key", "u1", "memory_created")
    assert refused.exit_code == 2
    assert "overlap of 0" in refused.output
    assert "whsec_" not in refused.output
    assert len(kept(database).keys) == 10


def test_pause_and_resume(database: Path) -> None:
    run("add", "u1", "memory_created", URL)
    assert run("pause", "u1", "memory_created").output == "paused\n"
    assert kept(database).paused
    assert "paused" in run("list").stdout
    assert run("resume", "u1", "memory_created").output == "resumed\n"
    assert not kept(database).paused


@pytest.mark.usefixtures("database")
def test_list_may_be_of_one_user() -> None:
    for uid, kind in (("u2", "day_summary"), ("u1", "memory_created"), ("u1", "audio_bytes")):
        run("add", uid, kind, URL)
    assert [(one["uid"], one["kind"]) for one in listed()] == [
        ("u1", "audio_bytes"),
        ("u1", "memory_created"),
        ("u2", "day_summary"),
    ]
    assert [one["uid"] for one in listed("--uid", "u2")] == ["u2"]


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("rotate-key", "u1", "memory_created"), "has no endpoint"),
        (("pause", "u1", "memory_created"), "`sidelane endpoints list`"),
        (("add", "u1", "novelty", URL), "day_summary"),
        (("add", "u1", "memory_created", "example.com"), "only http and https"),
        (("add", "u1", "memory_created", "http://169.254.169.254/"), "not a public address"),
        (("add", "u1", "memory_created", "https://[::1"), "url:"),
        (("add", "u1", "memory_created", URL, "--scheme", "v2"), "v1a"),
        (("rotate-key", "u1", "memory_created", "--overlap-hours", "-1"), "--overlap-hours"),
    ],
)
def test_a_wrong_call_is_told_what_to_do(words: tuple[str, ...], told: str) -> None:
    result = run(*words)
    assert result.exit_code != 0
    assert told in result.output
    assert listed() == []


def test_a_database_that_is_not_there_is_named_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIDELANE_DATABASE", str(tmp_path / "none.sqlite3"))
    result = run("list")
    assert result.exit_code == 2
    assert "SIDELANE_DATABASE" in result.output
    assert not (tmp_path / "none.sqlite3").exists()


def test_a_key_may_be_in_secret_manager(database: Path) -> None:
    name = "projects/p/secrets/u1-memory/versions/1"
    assert run("add", "u1", "memory_created", URL, "--secret", name).stdout.strip() == f"signed by {name}"
    assert [key.secret for key in kept(database).keys] == [name]
    newer = name.replace("/1", "/2")
    assert f"signed by {newer}" in run("rotate-key", "u1", "memory_created", "--secret", newer).stdout
    assert [key.secret for key in kept(database).keys] == [newer, name]
    (shown,) = listed()
    assert [key["scheme"] for key in shown["keys"]] == [newer, name]


def test_what_names_no_secret_is_refused(database: Path) -> None:
    refused = run("add", "u1", "memory_created", URL, "--secret", "whsec_" + "A" * 32)
    assert refused.exit_code == 2
    assert "projects/P/secrets/S/versions/V" in refused.output
    assert "AAAA" not in refused.output
    assert listed() == []


def failing(path: Path, end: End) -> None:
    async def judge(stores: SqliteStores) -> None:
        await stores.targets.change_health(
            TARGET,
            lambda health: judged(health, end, now=datetime.now(UTC), disable_after=timedelta(days=5)),
        )

    within(path, judge)


def test_a_failing_endpoint_is_listed_so_and_enabled(database: Path) -> None:
    run("add", "u1", "memory_created", URL)
    failing(database, TargetFailed("answered 500"))
    assert "fails since" in run("list").stdout
    failing(database, TargetRefused(Reason.GONE, "answered 410"))
    assert "is disabled since" in run("list").stdout
    assert [(one["disabled_for"], one["failing_since"] is None) for one in listed()] == [("gone", False)]

    would = run("enable", "u1", "memory_created", "--no-recover", "--dry-run")
    assert (would.exit_code, "would enable; it is disabled since" in would.output) == (0, True)
    assert listed()[0]["disabled_for"] == "gone"

    done = run("enable", "u1", "memory_created", "--no-recover")
    assert (done.exit_code, "enabled; it is disabled since" in done.output) == (0, True)
    assert (listed()[0]["disabled_for"], "active" in run("list").stdout) == (None, True)
    assert "enabled; it is well" in run("enable", "u1", "memory_created", "--no-recover").output


def test_what_it_missed_is_shown_before_it_is_sent(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", "127.0.0.1:9")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:9")
    run("add", "u1", "memory_created", URL)
    failing(database, TargetRefused(Reason.GONE, "answered 410"))
    died_at = datetime.now(UTC)
    conversation = Conversation(id="c1", created_at=died_at, structured=Structured(title="A"))
    task = DeveloperWebhook(uid="u1", event=MemoryCreated(conversation=conversation))
    letter = DeadLetter.of(
        Envelope.seal(task, accepted_at=died_at),
        queue="developer-webhooks",
        target=TARGET,
        reason="endpoint-disabled",
        detail="",
        died_at=died_at,
    )
    within(database, lambda stores: stores.dead_letters.add(letter))
    shown = run("enable", "u1", "memory_created", "--dry-run")
    assert shown.exit_code == 0
    assert f"{letter.id} developer-webhook" in shown.output
    assert "would replay 1, left 0" in shown.output


def test_an_endpoint_that_is_not_there_cannot_be_enabled(database: Path) -> None:
    refused = run("enable", "u1", "memory_created")
    assert (refused.exit_code, "u1 has no endpoint for memory_created" in refused.output) == (1, True)


def test_a_new_endpoint_does_not_inherit_the_health_of_the_one_before(database: Path) -> None:
    failing(database, TargetRefused(Reason.GONE, "answered 410"))
    run("add", "u1", "memory_created", URL)
    assert listed()[0]["disabled_for"] is None

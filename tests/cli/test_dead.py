"""`sidelane dead`: what an SRE sees of the dead letters, and what a wrong call is told."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.dead import app
from contracts import DeadLetter, DeveloperWebhook, Envelope, MemoryCreated
from contracts.webhooks import Conversation, Structured
from stores import Key, Outcome, OutcomeKind
from stores.sqlite import open_sqlite
from tests.stores.starts import start

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TASK = DeveloperWebhook(
    uid="u1",
    event=MemoryCreated(conversation=Conversation(id="c1", created_at=NOW, structured=Structured(title="A"))),
)
ENVELOPE = Envelope.seal(TASK, accepted_at=NOW)


def letter(envelope: Envelope, *, reason: str, died_at: datetime = NOW) -> DeadLetter:
    return DeadLetter.of(
        envelope,
        queue="developer-webhooks",
        target=TASK.target(),
        reason=reason,
        detail="answered 410",
        died_at=died_at,
    )


GONE = letter(ENVELOPE, reason="gone")
POISON = letter(
    ENVELOPE.model_copy(update={"identity": "other"}),
    reason="poison",
    died_at=datetime(2026, 2, 1, tzinfo=UTC),
)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    database = tmp_path / "stores.sqlite3"
    monkeypatch.setenv("SIDELANE_DATABASE", str(database))
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", "127.0.0.1:9")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:9")
    monkeypatch.setenv("SIDELANE_ENQUEUE_DEADLINE", "0.3")
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("NO_COLOR", "1")
    return database


@pytest.fixture
def letters(environment: Path) -> Path:
    async def fill() -> None:
        async with open_sqlite(environment) as stores:
            await stores.dead_letters.add(GONE)
            await stores.dead_letters.add(POISON)
            outcome = Outcome(kind=OutcomeKind.DEAD, reason="gone", detail="answered 410", decided_at=NOW)
            await stores.ledger.record(start(Key.of(ENVELOPE)), outcome, ENVELOPE.encode())

    asyncio.run(fill())
    return environment


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.mark.usefixtures("letters")
def test_list_shows_each_letter_with_its_reason() -> None:
    result = run("list")
    assert result.exit_code == 0
    for text in (GONE.id, POISON.id, "gone", "poison", "answered 410", "2 dead letters"):
        assert text in result.stdout
    assert "poison: its process died" in result.stdout


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--reason", "gone"), [GONE]),
        (("--type", "novelty"), []),
        (("--all", "--reason", "poison"), [POISON]),
        (("--since", "2026-01-15"), [POISON]),
        (("--until", "2026-01-15T00:00:00"), [GONE]),
        (
            ("--target", TASK.target(), "--queue", "developer-webhooks"),
            sorted([GONE, POISON], key=lambda one: one.id),
        ),
    ],
)
def test_list_filters_and_speaks_json(words: tuple[str, ...], found: list[DeadLetter]) -> None:
    result = run("list", "--json", *words)
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == [one.id for one in found]


@pytest.mark.usefixtures("letters")
def test_show_tells_the_whole_story() -> None:
    shown = json.loads(run("show", GONE.id).stdout)
    assert (shown["reason"], shown["delivery_id"]) == ("gone", ENVELOPE.delivery_id)
    assert "discard, unless" in shown["remedy"]
    assert json.loads(shown["payload"])["uid"] == "u1"
    assert [attempt["outcome"]["reason"] for attempt in shown["attempts"]] == ["gone"]


@pytest.mark.usefixtures("letters")
def test_a_dry_run_says_what_would_be_done_and_does_nothing() -> None:
    result = run("replay", "--reason", "gone", "--dry-run")
    assert result.exit_code == 0
    assert "would be generation 1 on developer-webhooks" in result.stdout
    assert "would replay 1, left 0" in result.stdout
    assert '"replayed_at": null' in run("list", "--json", "--reason", "gone").stdout


@pytest.mark.usefixtures("letters")
def test_a_replay_that_cannot_reach_the_queue_leaves_the_letter() -> None:
    result = run("replay", GONE.id)
    assert result.exit_code == 1
    assert "not replayed:" in result.stdout
    assert '"replayed_at": null' in run("list", "--json", "--reason", "gone").stdout


@pytest.mark.usefixtures("letters")
def test_a_discarded_letter_is_out_of_the_way_and_tells_why() -> None:
    dry = run("discard", "--reason", "endpoint retired", "--died-of", "gone", "--dry-run")
    assert "would discard 1" in dry.stdout
    assert GONE.id in run("list").stdout
    result = run("discard", "--reason", "endpoint retired", "--died-of", "gone")
    assert result.exit_code == 0
    assert "discarded 1" in result.stdout
    assert GONE.id not in run("list").stdout
    assert "discarded" in run("list", "--all").stdout
    assert json.loads(run("show", GONE.id).stdout)["discard_reason"] == "endpoint retired"
    assert "left 1" in run("replay", "--all").stdout  # the other one alone


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "0" * 16), "there is no dead letter"),
        (("replay", "0" * 16), "there is no dead letter"),
        (("replay",), "--all"),
        (("replay", GONE.id, "--all"), "not several at once"),
        (("list", "--since", "yesterday"), "--since"),
        (("discard", GONE.id), "--reason"),
        (("discard", GONE.id, "--reason", " "), "say why"),
        (("discard", "--reason", "x"), "use filters"),
        (("discard", "0" * 16, "--reason", "x"), "there is no dead letter"),
        (("replay", "--all", "--per-second", "0"), "--per-second"),
    ],
)
def test_a_wrong_call_is_told_what_to_do(words: tuple[str, ...], told: str) -> None:
    result = run(*words)
    assert result.exit_code != 0
    assert told in result.output


@pytest.mark.usefixtures("environment")
def test_a_database_that_is_not_there_is_named_and_not_made(environment: Path) -> None:
    result = run("list")
    assert result.exit_code == 2
    assert "SIDELANE_DATABASE" in result.output
    assert not environment.exists()

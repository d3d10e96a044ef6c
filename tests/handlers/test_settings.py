"""The handlers' own settings: nothing falls back on Cloud Run, and a stand-in is no silent choice."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.settings import HandlerSettings
from producers import InvalidSettings
from stores import FirestoreDatabase, SqliteFile

COMPLETE = {
    "K_SERVICE": "handlers",
    "SIDELANE_PROJECT": "prod",
    "SIDELANE_BLOBS": "gs://blobs",
    "SIDELANE_LOCATION": "us-central1",
    "SIDELANE_HANDLERS_URL": "https://handlers.example.com",
    "SIDELANE_INVOKER_EMAIL": "tasks@prod.iam.gserviceaccount.com",
    "SIDELANE_DATABASE": "firestore:(default)",
    "SIDELANE_DEAD_LETTER_URL": "https://letters.example.com",
    "SIDELANE_DEAD_LETTER_PUSHER_EMAIL": "letters@prod.iam.gserviceaccount.com",
    "SIDELANE_EVENT_PUSHER_EMAIL": "events@prod.iam.gserviceaccount.com",
    "SIDELANE_FCM_URL": "https://fcm.googleapis.com",
    "SIDELANE_FCM_CREDENTIALS": "google",
    "SIDELANE_GEOCODING_KEY": "a-key",
    "SIDELANE_SPEECH_ACTIVITY_URL": "https://speech.example",
    "SIDELANE_SPEECH_EMBEDDING_URL": "https://speech.example",
    "SIDELANE_SPEECH_PROFILE_URL": "https://speech.example",
}


def environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_on_cloud_run_complete_settings_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **COMPLETE)
    assert HandlerSettings().fcm_project == "prod"


@pytest.mark.parametrize("name", ["SIDELANE_FCM_URL", "SIDELANE_FCM_CREDENTIALS"])
def test_on_cloud_run_fcm_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    environment(monkeypatch, **COMPLETE)
    monkeypatch.delenv(name)
    with pytest.raises(InvalidSettings, match=rf"must be set: {name}$"):
        HandlerSettings()


def test_on_cloud_run_nothing_is_sent_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **COMPLETE)
    monkeypatch.setenv("SIDELANE_FCM_CREDENTIALS", "none")
    with pytest.raises(InvalidSettings, match="SIDELANE_FCM_CREDENTIALS: 'none' is for a stand-in"):
        HandlerSettings()


def test_google_is_not_called_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HandlerSettings().fcm_credentials == "none"
    environment(monkeypatch, SIDELANE_FCM_URL="https://fcm.googleapis.com/")
    with pytest.raises(InvalidSettings, match=r"not for fcm\.googleapis\.com"):
        HandlerSettings()
    environment(monkeypatch, SIDELANE_FCM_CREDENTIALS="google")
    assert HandlerSettings().fcm_url == "https://fcm.googleapis.com"


def test_on_cloud_run_secrets_come_from_google_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HandlerSettings().takes_literal_secrets
    environment(monkeypatch, **COMPLETE)
    assert not HandlerSettings().takes_literal_secrets
    environment(monkeypatch, SIDELANE_SECRET_MANAGER_HOST="127.0.0.1:1")
    with pytest.raises(InvalidSettings, match="unset SIDELANE_SECRET_MANAGER_HOST"):
        HandlerSettings()


def test_the_database_is_a_file_or_firestores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HandlerSettings().database == SqliteFile(Path(".sidelane/stores.sqlite3"))
    monkeypatch.setenv("SIDELANE_DATABASE", "/data/stores.sqlite3")
    assert HandlerSettings().database == SqliteFile(Path("/data/stores.sqlite3"))
    monkeypatch.setenv("SIDELANE_DATABASE", "firestore:side-lane")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:8080")
    settings = HandlerSettings()
    assert settings.database == FirestoreDatabase("side-lane")
    assert settings.firestore_emulator_host == "127.0.0.1:8080"


def test_a_database_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDELANE_DATABASE", "postgres://db")
    with pytest.raises(InvalidSettings, match="SIDELANE_DATABASE: must be a SQLite file as PATH"):
        HandlerSettings()


def test_on_cloud_run_a_file_is_refused_unless_it_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **COMPLETE)
    monkeypatch.setenv("SIDELANE_DATABASE", "/data/stores.sqlite3")
    with pytest.raises(InvalidSettings, match=r"SIDELANE_DATABASE: '/data/stores.sqlite3' is a file"):
        HandlerSettings()
    monkeypatch.setenv("SIDELANE_DATABASE", "sqlite:/data/stores.sqlite3")
    assert HandlerSettings().database == SqliteFile(Path("/data/stores.sqlite3"), on_purpose=True)


def test_on_cloud_run_a_missing_database_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **COMPLETE)
    monkeypatch.delenv("SIDELANE_DATABASE")
    with pytest.raises(InvalidSettings, match=r"must be set: SIDELANE_DATABASE$"):
        HandlerSettings()


def test_on_cloud_run_no_firestore_emulator_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **COMPLETE, FIRESTORE_EMULATOR_HOST="127.0.0.1:8080")
    with pytest.raises(InvalidSettings, match="no emulator is used: unset FIRESTORE_EMULATOR_HOST"):
        HandlerSettings()

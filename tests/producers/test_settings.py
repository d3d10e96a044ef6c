"""Settings: local defaults on one machine, and none of them on Cloud Run."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import ValidationError

from producers import InvalidSettings, LocalDefault, ProducerSettings

COMPLETE = {
    "SIDELANE_PROJECT": "prod",
    "SIDELANE_LOCATION": "europe-west1",
    "SIDELANE_HANDLERS_URL": "https://handlers.example.com/",
    "SIDELANE_INVOKER_EMAIL": "invoker@prod.iam.gserviceaccount.com",
    "SIDELANE_BLOBS": "gs://prod-blobs/tasks",
}


def environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_one_machine_needs_no_setting() -> None:
    settings = ProducerSettings()
    assert settings.project == "sidelane-local"
    assert settings.location == "us-central1"
    assert settings.invoker_email == "tasks@sidelane-local.iam.gserviceaccount.com"
    assert settings.audience == settings.handlers_url == "http://127.0.0.1:8081"
    assert settings.enqueue_deadline == 5


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(
        monkeypatch,
        **COMPLETE,
        SIDELANE_ENQUEUE_DEADLINE="2.5",
        CLOUD_TASKS_EMULATOR_HOST="localhost:8123",
        PUBSUB_EMULATOR_HOST="[::1]:8085",
    )
    settings = ProducerSettings()
    assert settings.audience == settings.handlers_url == "https://handlers.example.com"
    assert settings.enqueue_deadline == 2.5
    assert settings.cloud_tasks_emulator_host == "localhost:8123"
    assert settings.pubsub_emulator_host == "[::1]:8085"


def test_on_cloud_run_every_missing_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, K_SERVICE="backend", SIDELANE_PROJECT="prod", SIDELANE_LOCATION="")
    with pytest.raises(InvalidSettings) as caught:
        ProducerSettings()
    assert str(caught.value) == (
        "on Cloud Run these settings must be set: "
        "SIDELANE_LOCATION, SIDELANE_HANDLERS_URL, SIDELANE_INVOKER_EMAIL, SIDELANE_BLOBS"
    )


def test_on_cloud_run_complete_settings_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, K_SERVICE="backend", **COMPLETE)
    assert ProducerSettings().project == "prod"


@pytest.mark.parametrize("name", ["CLOUD_TASKS_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"])
def test_on_cloud_run_an_emulator_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    environment(monkeypatch, K_SERVICE="backend", **COMPLETE, **{name: "localhost:1"})
    with pytest.raises(InvalidSettings, match=f"no emulator is used: unset {name}"):
        ProducerSettings()


def test_on_cloud_run_an_emulator_of_cloud_storage_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, K_SERVICE="backend", **COMPLETE, STORAGE_EMULATOR_HOST="http://localhost:1")
    with pytest.raises(InvalidSettings, match="no emulator is used: unset STORAGE_EMULATOR_HOST"):
        ProducerSettings()


def test_on_cloud_run_a_folder_of_blobs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **{**COMPLETE, "SIDELANE_BLOBS": "/tmp/blobs"}, K_SERVICE="backend")
    with pytest.raises(InvalidSettings, match=r"SIDELANE_BLOBS: .*name a bucket as gs://BUCKET"):
        ProducerSettings()


@pytest.mark.parametrize("name", ["CLOUD_TASKS_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"])
def test_half_an_emulator_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    environment(monkeypatch, **{name: "localhost:1"})
    with pytest.raises(InvalidSettings, match=f"only {name} is set"):
        ProducerSettings()


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("SIDELANE_PROJECT", "a/b", "SIDELANE_PROJECT: String should match"),
        (
            "SIDELANE_HANDLERS_URL",
            "handlers:80",
            "SIDELANE_HANDLERS_URL: must start with http:// or https://",
        ),
        ("SIDELANE_ENQUEUE_DEADLINE", "0", "SIDELANE_ENQUEUE_DEADLINE: Input should be greater than 0"),
        (
            "SIDELANE_ENQUEUE_DEADLINE",
            "31",
            "SIDELANE_ENQUEUE_DEADLINE: Input should be less than or equal to",
        ),
        ("SIDELANE_BLOBS", "s3://blobs", "SIDELANE_BLOBS: must be a folder, or a bucket as gs://BUCKET"),
        ("SIDELANE_BLOBS", "gs://", "SIDELANE_BLOBS: must be a folder, or a bucket as gs://BUCKET"),
        ("STORAGE_EMULATOR_HOST", "x:1", "STORAGE_EMULATOR_HOST: must start with http:// or https://"),
        ("CLOUD_TASKS_EMULATOR_HOST", "http://x:1", "CLOUD_TASKS_EMULATOR_HOST: String should match"),
    ],
)
def test_a_bad_value_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    environment(monkeypatch, **{name: value})
    with pytest.raises(InvalidSettings) as caught:
        ProducerSettings()
    assert str(caught.value).startswith(f"these settings are not valid: {complaint}")
    assert "default factory" not in str(caught.value)


def test_a_subclass_adds_settings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class HandlerSettings(ProducerSettings):
        database: Annotated[str, LocalDefault()] = "local.sqlite3"

    assert HandlerSettings().database == "local.sqlite3"
    environment(monkeypatch, K_SERVICE="handlers", **COMPLETE)
    with pytest.raises(InvalidSettings, match=r"must be set: SIDELANE_DATABASE$"):
        HandlerSettings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        ProducerSettings().project = "other"  # type: ignore[misc]  # frozen is what is tested

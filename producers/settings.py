"""The settings of the request path, read from the environment once at start-up; nothing is read later."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from producers.errors import InvalidSettings


class LocalDefault:
    """Marks a setting whose default serves one machine alone: on Cloud Run it must be set."""


def _base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value.rstrip("/")


def _blob_location(value: str) -> str:
    if "://" in value and not _BUCKET.fullmatch(value):
        raise ValueError("must be a folder, or a bucket as gs://BUCKET or gs://BUCKET/PREFIX")
    return value


_BUCKET = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[^/]+)*/?")
BaseUrl = Annotated[str, AfterValidator(_base_url)]
BlobLocation = Annotated[str, AfterValidator(_blob_location)]
EmulatorHost = Annotated[str, Field(pattern=r"^[^/\s]+:\d{1,5}$")]
"""HOST:PORT, as the emulator prints it."""


class ProducerSettings(BaseSettings):
    """`SIDELANE_*` variables, and the emulators' own two.

    Raises:
        InvalidSettings: values are not valid; on Cloud Run (`K_SERVICE` is set) settings marked
            `LocalDefault` are missing or an emulator is named; elsewhere one emulator alone is named.
    """

    model_config = SettingsConfigDict(
        env_prefix="SIDELANE_",
        env_ignore_empty=True,
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    project: Annotated[str, LocalDefault()] = Field("sidelane-local", pattern=r"^[A-Za-z0-9:.-]+$")
    location: Annotated[str, LocalDefault()] = Field("us-central1", pattern=r"^[a-z0-9-]+$")
    queues_file: Path = Path("infra/terraform/queues.yaml")
    handlers_url: Annotated[BaseUrl, LocalDefault()] = "http://127.0.0.1:8081"
    """Base URL of the handlers service; a task of type T is sent to `{handlers_url}/tasks/{T}`."""
    quarantine_url: BaseUrl = Field(default_factory=lambda data: data["handlers_url"])
    """Base URL of the handlers for tasks in quarantine: of a service of their own, since they may kill it and
    what it runs besides."""
    invoker_email: Annotated[str, LocalDefault()] = Field(
        default_factory=lambda data: f"tasks@{data['project']}.iam.gserviceaccount.com", pattern="@"
    )
    """Service account in whose name Cloud Tasks calls the handlers."""
    audience: str = Field(default_factory=lambda data: data["handlers_url"])
    """`aud` of the OIDC token; the handlers expect the same."""
    enqueue_deadline: float = Field(default=5.0, gt=0, le=30)
    """Seconds for one enqueue or publish with all its retries (Cloud Tasks refuses deadlines over 30 s)."""
    cloud_tasks_emulator_host: EmulatorHost | None = Field(
        default=None, validation_alias="CLOUD_TASKS_EMULATOR_HOST"
    )
    pubsub_emulator_host: EmulatorHost | None = Field(default=None, validation_alias="PUBSUB_EMULATOR_HOST")
    blobs: Annotated[BlobLocation, LocalDefault()] = ".sidelane/blobs"
    """Where payloads over a queue's `inline_limit_bytes` go: a folder, or gs://BUCKET or gs://BUCKET/PREFIX."""
    storage_emulator_host: BaseUrl | None = Field(default=None, validation_alias="STORAGE_EMULATOR_HOST")
    """http://HOST:PORT of an emulator of Cloud Storage, as Google's own clients read it."""
    cloud_run_service: str | None = Field(default=None, validation_alias="K_SERVICE")
    """Set by Cloud Run, and by nothing else."""

    @model_validator(mode="wrap")
    @classmethod
    def _all_faults_at_once(cls, values: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            settings = build(values)
        except ValidationError as error:
            faults = [
                f"{_variable(str(fault['loc'][0]))}: {fault['msg'].removeprefix('Value error, ')}"
                for fault in error.errors(include_url=False)
                if fault["type"] != "default_factory_not_called"
            ]
            raise InvalidSettings("these settings are not valid: " + "; ".join(faults)) from error
        _refuse_fallbacks(settings)
        return settings


def _refuse_fallbacks(settings: ProducerSettings) -> None:
    emulators = {
        "CLOUD_TASKS_EMULATOR_HOST": settings.cloud_tasks_emulator_host,
        "PUBSUB_EMULATOR_HOST": settings.pubsub_emulator_host,
    }
    named = [name for name, host in emulators.items() if host]
    if not settings.cloud_run_service:
        if len(named) == 1:
            raise InvalidSettings(
                f"only {named[0]} is set: set both of {', '.join(emulators)}, or neither to use Google's"
            )
        return
    if settings.storage_emulator_host:
        named.append("STORAGE_EMULATOR_HOST")
    if named:
        raise InvalidSettings(f"on Cloud Run no emulator is used: unset {', '.join(named)}")
    missing = [
        _variable(name)
        for name, field in type(settings).model_fields.items()
        if any(isinstance(mark, LocalDefault) for mark in field.metadata)
        and name not in settings.model_fields_set
    ]
    if missing:
        raise InvalidSettings(f"on Cloud Run these settings must be set: {', '.join(missing)}")
    if not settings.blobs.startswith("gs://"):
        raise InvalidSettings(
            f"SIDELANE_BLOBS: {settings.blobs!r} is a folder, and on Cloud Run files are gone with their "
            "instance: name a bucket as gs://BUCKET"
        )


def _variable(field: str) -> str:
    """The environment variable of a field, which pydantic names by the field or by its own variable."""
    return field if field.isupper() else f"SIDELANE_{field.upper()}"

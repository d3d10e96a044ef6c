"""What the handlers service is told by its environment; read once, passed down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from producers import BaseUrl, EmulatorHost, InvalidSettings, LocalDefault, ProducerSettings
from stores import Location, SqliteFile, location


def _listed(value: object) -> object:
    """`a@x,b@y` from the environment; anything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class HandlerSettings(ProducerSettings):
    """`SIDELANE_*` variables; producers' own apply too, since a retry is an enqueue."""

    database: Annotated[Location, NoDecode, BeforeValidator(location), LocalDefault()] = SqliteFile(
        Path(".sidelane/stores.sqlite3")
    )
    """Where all stores are: a SQLite file as PATH, or firestore:DATABASE."""
    firestore_emulator_host: EmulatorHost | None = Field(
        default=None, validation_alias="FIRESTORE_EMULATOR_HOST"
    )
    oidc_certs_url: str = "https://www.googleapis.com/oauth2/v1/certs"
    """Where the certificates of the tokens' issuer are: the emulator serves its own."""
    dead_letter_url: Annotated[str, LocalDefault()] = "http://127.0.0.1:8083/"
    """Where Pub/Sub pushes dead letters to, and the audience of its tokens."""
    dead_letter_pusher_email: Annotated[str, LocalDefault()] = Field(
        default_factory=lambda data: f"dead-letters@{data['project']}.iam.gserviceaccount.com", pattern="@"
    )
    """The service account in those tokens."""
    event_pusher_email: Annotated[str, LocalDefault()] = Field(
        default_factory=lambda data: f"events@{data['project']}.iam.gserviceaccount.com", pattern="@"
    )
    """The service account in whose name Pub/Sub pushes events to `{handlers_url}/events/{subscription}`."""
    event_audience: str = Field(default_factory=lambda data: f"{data['handlers_url']}/events")
    """`aud` of those tokens."""
    admin_emails: Annotated[frozenset[str], NoDecode, BeforeValidator(_listed)] = frozenset()
    """Who may call the admin API, with a token for `audience`: a list with commas; empty is nobody."""
    dead_letter_retention_days: float = Field(default=90, ge=1, le=3650)
    """How long a dead letter stays after it was replayed or discarded; an open one stays until then."""
    dead_letter_count_seconds: float = Field(default=15, ge=1, le=3600)
    """How often each process counts the open dead letters for its metrics."""
    fcm_url: Annotated[BaseUrl, LocalDefault()] = "http://127.0.0.1:8087"
    """Base URL of Firebase Cloud Messaging: https://fcm.googleapis.com, or a stand-in on this machine."""
    fcm_credentials: Annotated[Literal["google", "none"], LocalDefault()] = "none"
    """`google`: the credentials that the process runs with. `none`: for a stand-in, never for Google."""
    fcm_project: str = Field(default_factory=lambda data: data["project"], pattern=r"^[A-Za-z0-9:.-]+$")
    """The Firebase project that the app's devices belong to."""
    geocoding_url: BaseUrl = "https://geocode.googleapis.com"
    """The Geocoding API, without a path."""
    geocoding_key: Annotated[SecretStr, LocalDefault()] = SecretStr("")
    """Its API key, or the name of the secret that holds it: projects/P/secrets/S/versions/V."""
    speech_embedding_url: Annotated[BaseUrl, LocalDefault()] = "http://127.0.0.1:8088"
    """The service of speaker embeddings, without a path."""
    speech_activity_url: Annotated[BaseUrl, LocalDefault()] = "http://127.0.0.1:8088"
    """The service of voice activity, without a path."""
    speech_profile_url: Annotated[BaseUrl, LocalDefault()] = "http://127.0.0.1:8088"
    """The service that matches speakers with profiles, without a path."""
    speech_results_days: int = Field(30, ge=1, le=3650)
    """How long what a speech service found out is kept."""
    secret_manager_host: str | None = Field(None, pattern=r"^[^/\s]+:\d{1,5}$")
    """HOST:PORT of a stand-in for Secret Manager, without TLS and credentials; None: Google's."""

    @property
    def takes_literal_secrets(self) -> bool:
        """Whether keys may stand in the directory as they are: on a developer's machine alone."""
        return self.cloud_run_service is None

    @model_validator(mode="after")
    def _no_stand_in_on_cloud_run(self) -> Self:
        if self.cloud_run_service is not None and self.secret_manager_host is not None:
            raise InvalidSettings("on Cloud Run secrets come from Google: unset SIDELANE_SECRET_MANAGER_HOST")
        return self

    @model_validator(mode="after")
    def _a_database_that_lasts_on_cloud_run(self) -> Self:
        if self.cloud_run_service is None:
            return self
        if self.firestore_emulator_host is not None:
            raise InvalidSettings("on Cloud Run no emulator is used: unset FIRESTORE_EMULATOR_HOST")
        where = self.database
        if "database" in self.model_fields_set and isinstance(where, SqliteFile) and not where.on_purpose:
            raise InvalidSettings(
                f"SIDELANE_DATABASE: {str(where)!r} is a file, and on Cloud Run files are gone with their "
                "instance and unknown to the others: name firestore:DATABASE, or say sqlite:PATH for a trial"
            )
        return self

    @model_validator(mode="after")
    def _fcm_knows_us(self) -> Self:
        if self.fcm_credentials == "google":
            return self
        host = urlsplit(self.fcm_url).hostname or ""
        deployed = self.cloud_run_service is not None and "fcm_credentials" in self.model_fields_set
        if deployed or host.endswith("googleapis.com"):
            raise InvalidSettings(
                "SIDELANE_FCM_CREDENTIALS: 'none' is for a stand-in on a developer's machine: not for "
                f"{host}, not on Cloud Run; set it to google"
            )
        return self

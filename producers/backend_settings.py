"""The settings of the reference backend beyond those of `enqueue`: its third parties, its users."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, SecretStr, model_validator
from pydantic_settings import NoDecode

from producers.errors import InvalidSettings
from producers.rate_limit import Group, RateLimit
from producers.settings import BaseUrl, EmulatorHost, LocalDefault, ProducerSettings
from stores import Location, SqliteFile, location


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


_NO_SECRET = SecretStr("")
_GOOGLE = ("google_client_id", "google_client_secret")
_SIGN_IN = (
    *_GOOGLE,
    *("apple_client_id", "apple_team_id", "apple_key_id", "apple_private_key"),
    *("firebase_api_key", "seal_key", "sign_in_redirects"),
)


class BackendSettings(ProducerSettings):
    """`SIDELANE_*` variables. Base URLs have no path; tests point them at servers of theirs.

    What a third party needs to know us is empty by default: its routes then answer 501 and name what is to be
    set. A part of what belongs together stops start-up.
    """

    database: Annotated[Location, NoDecode, BeforeValidator(location), LocalDefault()] = SqliteFile(
        Path(".sidelane/stores.sqlite3")
    )
    """Where apps and users' grants are, as the handlers have it: a SQLite file, or firestore:DATABASE."""
    firestore_emulator_host: EmulatorHost | None = Field(
        default=None, validation_alias="FIRESTORE_EMULATOR_HOST"
    )
    public_url: Annotated[BaseUrl, LocalDefault()] = "http://127.0.0.1:8080"
    """Base URL under which browsers reach this backend: third parties send users back there."""
    firebase_project: str = Field(default_factory=lambda data: data["project"], pattern=r"^[A-Za-z0-9:.-]+$")
    """The Firebase project that users sign in to."""
    firebase_certs_url: str = (
        "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"
    )
    """Where the certificates of Firebase's ID tokens are."""
    firebase_api_key: SecretStr = _NO_SECRET
    identity_toolkit_url: BaseUrl = "https://identitytoolkit.googleapis.com"
    """Firebase Authentication, which makes a user of a Google or Apple sign-in."""
    trusts_callers: bool = False
    """Whether who sends no token is a service that may act for every user: on a developer's machine alone."""
    rate_limits: Mapping[Group, RateLimit] = Field(default_factory=dict)
    """As JSON, `{"sign-in": {"per_second": 1, "burst": 30}}`; what is left out stays as it is."""
    sign_in_redirects: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    """URIs of apps that users are sent back to, compared whole; a list with commas."""
    seal_key: SecretStr = _NO_SECRET
    """Fernet keys, with commas, the newest first: seals what browsers carry and grants that are kept.
    Made by `python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"`."""
    google_url: BaseUrl = "https://oauth2.googleapis.com"
    """Exchanges and renews Google's OAuth tokens."""
    google_client_id: str = ""
    google_client_secret: SecretStr = _NO_SECRET
    apple_url: BaseUrl = "https://appleid.apple.com"
    """Sign in with Apple: tokens and keys."""
    apple_client_id: str = ""
    apple_team_id: str = ""
    apple_key_id: str = ""
    apple_private_key: SecretStr = _NO_SECRET
    """PEM (PKCS 8)."""
    people_url: BaseUrl = "https://people.googleapis.com"
    """Google contacts."""
    calendar_url: BaseUrl = "https://www.googleapis.com"
    """Google Calendar."""
    x_url: BaseUrl = "https://api.x.com"
    """X, once Twitter: profiles and timelines."""
    x_token: SecretStr = _NO_SECRET
    """Of the app alone (OAuth 2 bearer)."""
    search_url: BaseUrl = "https://api.search.brave.com"
    """Web search."""
    search_key: SecretStr = _NO_SECRET
    github_url: BaseUrl = "https://api.github.com"
    """Where the documentation is."""
    github_token: SecretStr = _NO_SECRET
    """None is needed for a public repository: GitHub then answers 60 requests an hour."""
    docs_repository: str = Field("BasedHardware/omi", pattern=r"^[\w.-]+/[\w.-]+$")
    docs_folder: str = Field("docs", pattern=r"^[\w./-]*$")
    llm_url: Annotated[BaseUrl, LocalDefault()] = "http://127.0.0.1:8090"
    """A language model behind `/v1/chat/completions`."""
    llm_model: str = "default"
    """Its name there."""
    llm_key: SecretStr | None = None
    """Sent as a bearer token; on Cloud Run by `--set-secrets`."""
    retrieval_urls: Mapping[str, BaseUrl] = Field(default_factory=dict)
    """Sources of answers by name, as `{"memories": "https://…"}`: services of ours, each with a `/search`."""
    uploads: Annotated[Path, LocalDefault()] = Path(".sidelane/uploads")
    """Folder for what callers upload; on Cloud Run that of a mounted volume, which all instances see."""
    upload_bytes: PositiveInt = 50_000_000
    """Of one file."""
    upload_body_bytes: PositiveInt = 200_000_000
    """Of one request with several files."""
    uploads_at_a_time: PositiveInt = 32
    """Uploads under way in one process; one more is answered 503."""
    uploads_total_bytes: PositiveInt = 5_000_000_000
    """Of all files that one process holds; what goes beyond is answered 503."""
    upload_seconds: PositiveFloat = 300.0
    """That one upload may take."""

    @property
    def signs_in(self) -> bool:
        """Whether all is set that signing in needs."""
        return not any(self._unset(name) for name in _SIGN_IN)

    @property
    def has_google(self) -> bool:
        """Whether Google knows us, and grants can be sealed."""
        return not any(self._unset(name) for name in (*_GOOGLE, "seal_key"))

    def seal_keys(self) -> Sequence[bytes]:
        return [key.strip().encode() for key in self.seal_key.get_secret_value().split(",") if key.strip()]

    def _unset(self, name: str) -> bool:
        value = getattr(self, name)
        return not (value.get_secret_value() if isinstance(value, SecretStr) else value)

    @model_validator(mode="after")
    def _whole_or_not_at_all(self) -> Self:
        google = [name for name in _GOOGLE if self._unset(name)]
        sign_in = [name for name in _SIGN_IN if self._unset(name)]
        begun = not self._unset("apple_client_id") or bool(self.sign_in_redirects)
        missing = sign_in if begun else google if len(google) == 1 else []
        if missing:
            names = ", ".join(f"SIDELANE_{name.upper()}" for name in missing)
            raise InvalidSettings(f"these settings belong to others that are set: {names}")
        for key in self.seal_keys():
            if not _is_fernet(key):
                raise InvalidSettings("SIDELANE_SEAL_KEY: must be keys of 32 bytes in URL-safe base64")
        return self

    @model_validator(mode="after")
    def _nobody_is_trusted_on_cloud_run(self) -> Self:
        if self.cloud_run_service is not None and self.trusts_callers:
            raise InvalidSettings("on Cloud Run callers prove who they are: unset SIDELANE_TRUSTS_CALLERS")
        return self


def _is_fernet(key: bytes) -> bool:
    try:
        return len(urlsafe_b64decode(key)) == 32
    except binascii.Error:
        return False

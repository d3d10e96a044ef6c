"""The settings of the reference backend beyond those of `enqueue`: its third parties, its users."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, model_validator

from producers.errors import InvalidSettings
from producers.rate_limit import Group, RateLimit
from producers.settings import BaseUrl, LocalDefault, ProducerSettings


class BackendSettings(ProducerSettings):
    """`SIDELANE_*` variables. Base URLs have no path; tests point them at servers of theirs."""

    firebase_project: str = Field(default_factory=lambda data: data["project"], pattern=r"^[A-Za-z0-9:.-]+$")
    """The Firebase project that users sign in to."""
    firebase_certs_url: str = (
        "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"
    )
    """Where the certificates of Firebase's ID tokens are."""
    trusts_callers: bool = False
    """Whether who sends no token is a service that may act for every user: on a developer's machine alone."""
    rate_limits: Annotated[Mapping[Group, RateLimit], Field(default_factory=dict)]
    """As JSON, `{"sign-in": {"per_second": 1, "burst": 30}}`; what is left out stays as it is."""
    google_url: BaseUrl = "https://oauth2.googleapis.com"
    """Exchanges and renews Google's OAuth tokens."""
    apple_url: BaseUrl = "https://appleid.apple.com"
    """Sign in with Apple: tokens and keys."""
    identity_toolkit_url: BaseUrl = "https://identitytoolkit.googleapis.com"
    """Firebase Authentication, which makes a user of a Google or Apple sign-in."""
    people_url: BaseUrl = "https://people.googleapis.com"
    """Google contacts."""
    x_url: BaseUrl = "https://api.x.com"
    """X, once Twitter: profiles and timelines."""
    search_url: BaseUrl = "https://api.search.brave.com"
    """Web search."""
    github_url: BaseUrl = "https://api.github.com"
    """Where the documentation is."""
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

    @model_validator(mode="after")
    def _nobody_is_trusted_on_cloud_run(self) -> Self:
        if self.cloud_run_service is not None and self.trusts_callers:
            raise InvalidSettings("on Cloud Run callers prove who they are: unset SIDELANE_TRUSTS_CALLERS")
        return self

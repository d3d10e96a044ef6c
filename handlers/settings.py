"""What the handlers service is told by its environment; read once, passed down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from producers import LocalDefault, ProducerSettings


class HandlerSettings(ProducerSettings):
    """`SIDELANE_*` variables; producers' own apply too, since a retry is an enqueue."""

    database: Annotated[Path, LocalDefault()] = Path(".sidelane/stores.sqlite3")
    """The SQLite file of ledger, directory and dead letters."""
    oidc_certs_url: str = "https://www.googleapis.com/oauth2/v1/certs"
    """Where the certificates of the tokens' issuer are: the emulator serves its own."""
    dead_letter_url: Annotated[str, LocalDefault()] = "http://127.0.0.1:8083/"
    """Where Pub/Sub pushes dead letters to, and the audience of its tokens."""
    dead_letter_pusher_email: Annotated[str, LocalDefault()] = Field(
        default_factory=lambda data: f"dead-letters@{data['project']}.iam.gserviceaccount.com", pattern="@"
    )
    """The service account in those tokens."""

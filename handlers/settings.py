"""What the handlers service is told by its environment; read once, passed down."""

from __future__ import annotations

from pathlib import Path

from producers import ProducerSettings


class HandlerSettings(ProducerSettings):
    """`SIDELANE_*` variables; producers' own apply too, since a retry is an enqueue."""

    database: Path = Path(".sidelane/stores.sqlite3")
    """The SQLite file of ledger, directory and dead letters."""
    oidc_certs_url: str = "https://www.googleapis.com/oauth2/v1/certs"
    """Where the certificates of the tokens' issuer are: the emulator serves its own."""
    dead_letter_url: str = "http://127.0.0.1:8083/"
    """Where Pub/Sub pushes dead letters to, and the audience of its tokens."""
    dead_letter_pusher_email: str = "dead-letters@sidelane-local.iam.gserviceaccount.com"
    """The service account in those tokens."""

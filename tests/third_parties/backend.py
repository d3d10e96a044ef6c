"""The reference backend in process, with every third party on loopback: for tests of its routers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from cryptography.fernet import Fernet
from fastapi import FastAPI

from producers.app import create_app
from producers.backend_settings import BackendSettings
from stores import SqliteFile
from tests.producers.conftest import QUEUES_FILE
from tests.third_parties.identity import API_KEY, APPLE_CLIENT, GOOGLE_CLIENT, Identity

REDIRECT = "com.example.app:/signed-in"
CALLBACK = "http://backend/v1/auth"


def settings_for(url: str, folder: Path, identity: Identity, **changes: object) -> BackendSettings:
    """Every third party is at this URL; the task service is away, and callers are trusted."""
    values: dict[str, object] = {
        "queues_file": QUEUES_FILE,
        "cloud_tasks_emulator_host": "127.0.0.1:1",
        "pubsub_emulator_host": "127.0.0.1:1",
        "enqueue_deadline": 0.2,
        "blobs": str(folder / "blobs"),
        "database": SqliteFile(folder / "stores.sqlite3"),
        "trusts_callers": True,
        "public_url": "http://backend",
        "sign_in_redirects": (REDIRECT,),
        "seal_key": Fernet.generate_key().decode(),
        "google_client_id": GOOGLE_CLIENT[0],
        "google_client_secret": GOOGLE_CLIENT[1],
        "apple_client_id": APPLE_CLIENT,
        "apple_team_id": "TEAM",
        "apple_key_id": "KEY",
        "apple_private_key": identity.private_pem(),
        "firebase_api_key": API_KEY,
        "x_token": "x-token",
        "search_key": "search-key",
        "docs_repository": "owner/repo",
    }
    for party in ("google", "apple", "identity_toolkit", "people", "calendar", "x", "search", "github"):
        values[f"{party}_url"] = url
    return BackendSettings(**{**values, **changes})  # type: ignore[arg-type]


@asynccontextmanager
async def serving_backend(settings: BackendSettings) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app, client=("203.0.113.7", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://backend") as client,
    ):
        yield app, client

"""Opens what the routers of the reference backend are given, and nothing per request. Answers no request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lanes import HttpLane, Lanes
from lanes.issuer_keys import IssuerKeys, read_jwks
from producers.app_server import AppServers
from producers.app_setup import AppSetup
from producers.apple import Apple, AppleClient
from producers.backend_settings import BackendSettings
from producers.firebase import Firebase
from producers.google_oauth import GoogleClient, GoogleOAuth
from producers.sealed import Seals
from producers.sign_in import CODE_TTL, STATE_TTL, Ended, SignIn, SignInAddresses, State
from producers.third_party import ThirdParty
from producers.users import Users
from stores import open_stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What is None was not set up: its routes answer 501, and name the settings."""

    app_setup: AppSetup
    sign_in: SignIn | None


@asynccontextmanager
async def open_backend(settings: BackendSettings, lanes: Lanes) -> AsyncIterator[Backend]:
    """Until the block ends."""
    async with open_stores(
        settings.database, project=settings.project, emulator=settings.firestore_emulator_host
    ) as stores:
        servers = AppServers(lanes.http.default)
        yield Backend(
            app_setup=AppSetup(stores.apps, servers),
            sign_in=_sign_in(settings, lanes.http.auth),
        )


def users_of(settings: BackendSettings, lanes: Lanes) -> Users:
    return Users(
        IssuerKeys(settings.firebase_certs_url, lanes.http.auth, setting="SIDELANE_FIREBASE_CERTS_URL"),
        project=settings.firebase_project,
        trusts_callers=settings.trusts_callers,
    )


def google_oauth(settings: BackendSettings, lane: HttpLane) -> GoogleOAuth:
    return GoogleOAuth(
        ThirdParty("Google", lane, settings.google_url, setting="SIDELANE_GOOGLE_URL"),
        GoogleClient(
            client_id=settings.google_client_id,
            client_secret=settings.google_client_secret.get_secret_value(),
        ),
    )


def _sign_in(settings: BackendSettings, lane: HttpLane) -> SignIn | None:
    if not settings.signs_in:
        return None
    keys = settings.seal_keys()
    return SignIn(
        SignInAddresses(
            callback=f"{settings.public_url}/v1/auth/{{provider}}/callback",
            allowed_redirects=settings.sign_in_redirects,
            google_client_id=settings.google_client_id,
            apple_client_id=settings.apple_client_id,
        ),
        google=google_oauth(settings, lane),
        apple=Apple(
            ThirdParty("Apple", lane, settings.apple_url, setting="SIDELANE_APPLE_URL"),
            IssuerKeys(f"{settings.apple_url}/auth/keys", lane, setting="SIDELANE_APPLE_URL", read=read_jwks),
            AppleClient(
                client_id=settings.apple_client_id,
                team_id=settings.apple_team_id,
                key_id=settings.apple_key_id,
                private_key=settings.apple_private_key.get_secret_value(),
            ),
        ),
        firebase=Firebase(
            ThirdParty(
                "Firebase", lane, settings.identity_toolkit_url, setting="SIDELANE_IDENTITY_TOOLKIT_URL"
            ),
            api_key=settings.firebase_api_key.get_secret_value(),
        ),
        states=Seals(State, keys, ttl=STATE_TTL),
        codes=Seals(Ended, keys, ttl=CODE_TTL),
    )

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
from producers.github_docs import GitHubDocs
from producers.google_data import GoogleData
from producers.google_grants import GoogleGrants
from producers.google_oauth import GoogleClient, GoogleOAuth
from producers.sealed import Seals
from producers.sign_in import CODE_TTL, STATE_TTL, Ended, SignIn, SignInAddresses, State
from producers.third_party import ThirdParty
from producers.users import Users
from producers.web_search import WebSearch
from producers.x_profiles import XProfiles
from stores import Grants, open_stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Google:
    """What is done in a user's name at Google."""

    grants: GoogleGrants
    data: GoogleData


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What is None was not set up: its routes answer 501, and name the settings."""

    app_servers: AppServers
    app_setup: AppSetup
    docs: GitHubDocs
    sign_in: SignIn | None
    google: Google | None
    x: XProfiles | None
    search: WebSearch | None


@asynccontextmanager
async def open_backend(settings: BackendSettings, lanes: Lanes) -> AsyncIterator[Backend]:
    """Until the block ends."""
    async with open_stores(
        settings.database, project=settings.project, emulator=settings.firestore_emulator_host
    ) as stores:
        servers = AppServers(lanes.http.default)
        yield Backend(
            app_servers=servers,
            app_setup=AppSetup(stores.apps, servers),
            docs=_docs(settings, lanes.http.default),
            sign_in=_sign_in(settings, lanes.http.auth),
            google=_google(settings, lanes, stores.grants),
            x=_x(settings, lanes.http.default),
            search=_search(settings, lanes.http.default),
        )


def users_of(settings: BackendSettings, lanes: Lanes) -> Users:
    return Users(
        IssuerKeys(settings.firebase_certs_url, lanes.http.auth, setting="SIDELANE_FIREBASE_CERTS_URL"),
        project=settings.firebase_project,
        trusts_callers=settings.trusts_callers,
    )


def _google_oauth(settings: BackendSettings, lane: HttpLane) -> GoogleOAuth:
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
        google=_google_oauth(settings, lane),
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


def _google(settings: BackendSettings, lanes: Lanes, grants: Grants) -> Google | None:
    if not settings.has_google:
        return None
    kept = GoogleGrants(_google_oauth(settings, lanes.http.auth), grants, settings.seal_keys())
    lane = lanes.http.default
    people = ThirdParty("Google contacts", lane, settings.people_url, setting="SIDELANE_PEOPLE_URL")
    calendar = ThirdParty("Google Calendar", lane, settings.calendar_url, setting="SIDELANE_CALENDAR_URL")
    return Google(grants=kept, data=GoogleData(people, calendar, kept))


def _docs(settings: BackendSettings, lane: HttpLane) -> GitHubDocs:
    return GitHubDocs(
        ThirdParty("GitHub", lane, settings.github_url, setting="SIDELANE_GITHUB_URL"),
        repository=settings.docs_repository,
        folder=settings.docs_folder,
        token=settings.github_token.get_secret_value(),
    )


def _x(settings: BackendSettings, lane: HttpLane) -> XProfiles | None:
    token = settings.x_token.get_secret_value()
    return (
        XProfiles(ThirdParty("X", lane, settings.x_url, setting="SIDELANE_X_URL"), token=token)
        if token
        else None
    )


def _search(settings: BackendSettings, lane: HttpLane) -> WebSearch | None:
    key = settings.search_key.get_secret_value()
    party = ThirdParty("web search", lane, settings.search_url, setting="SIDELANE_SEARCH_URL")
    return WebSearch(party, key=key) if key else None

"""What a route asks for by its parameters: lanes, settings, the user. Opens nothing; the lifespan did.

Each is a coroutine, since FastAPI runs a plain function in a thread of a pool that nothing bounds; each takes
routes and WebSockets alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Response
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from lanes import Lanes
from lanes.id_token import Refusal
from producers.app_server import AppServers
from producers.app_setup import AppSetup
from producers.backend import Backend, Google
from producers.backend_settings import BackendSettings
from producers.errors import NotSetUp, NotSignedIn
from producers.github_docs import GitHubDocs
from producers.models import ModelClient
from producers.rate_limit import Group, RateLimiter
from producers.sign_in import SignIn
from producers.sources import Source
from producers.uploads import Uploads
from producers.users import MAX_UID, User, Users
from producers.web_search import WebSearch
from producers.x_profiles import XProfiles

Part = TypeVar("Part")

ACTS_FOR = "X-Sidelane-Uid"
"""The header by which a trusted caller says for whom it acts, where the path does not."""


async def _lanes(connection: HTTPConnection) -> Lanes:
    lanes: Lanes = connection.app.state.lanes
    return lanes


async def _settings(connection: HTTPConnection) -> BackendSettings:
    settings: BackendSettings = connection.app.state.settings
    return settings


def _backend_of(connection: HTTPConnection) -> Backend:
    backend: Backend = connection.app.state.backend
    return backend


def _set_up(part: Part | None, what: str, settings: str) -> Part:
    if part is None:
        raise NotSetUp(what, settings)
    return part


async def _sign_in(connection: HTTPConnection) -> SignIn:
    names = "SIDELANE_GOOGLE_*, _APPLE_*, _FIREBASE_API_KEY, _SEAL_KEY and _SIGN_IN_REDIRECTS"
    return _set_up(_backend_of(connection).sign_in, "signing in", names)


async def _google(connection: HTTPConnection) -> Google:
    names = "SIDELANE_GOOGLE_CLIENT_ID, _GOOGLE_CLIENT_SECRET and _SEAL_KEY"
    return _set_up(_backend_of(connection).google, "connecting Google", names)


async def _x(connection: HTTPConnection) -> XProfiles:
    return _set_up(_backend_of(connection).x, "reading X", "SIDELANE_X_TOKEN")


async def _search(connection: HTTPConnection) -> WebSearch:
    return _set_up(_backend_of(connection).search, "web search", "SIDELANE_SEARCH_KEY")


async def _app_setup(connection: HTTPConnection) -> AppSetup:
    return _backend_of(connection).app_setup


async def _app_servers(connection: HTTPConnection) -> AppServers:
    return _backend_of(connection).app_servers


async def _docs(connection: HTTPConnection) -> GitHubDocs:
    return _backend_of(connection).docs


class _FirebaseToken(SecurityBase):
    """The Authorization header, and its place in the OpenAPI document."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="An ID token of Firebase Authentication.")
        self.scheme_name = "firebase"

    async def __call__(self, connection: HTTPConnection) -> str | None:
        return connection.headers.get("authorization")


async def _caller(
    connection: HTTPConnection, authorization: Annotated[str | None, Depends(_FirebaseToken())]
) -> User:
    users: Users = connection.app.state.users
    return await users.identify(authorization, acts_for=connection.headers.get(ACTS_FOR, ""))


async def _user(caller: CallerDep) -> User:
    if not caller.uid:
        raise NotSignedIn(Refusal.SUBJECT, f"say for which user you act, by the header {ACTS_FOR}")
    return caller


async def _own_uid(uid: Annotated[str, Path(min_length=1, max_length=MAX_UID)], caller: CallerDep) -> str:
    caller.must_be(uid)
    return uid


LanesDep = Annotated[Lanes, Depends(_lanes)]
SettingsDep = Annotated[BackendSettings, Depends(_settings)]
SignInDep = Annotated[SignIn, Depends(_sign_in)]
GoogleDep = Annotated[Google, Depends(_google)]
XProfilesDep = Annotated[XProfiles, Depends(_x)]
SearchDep = Annotated[WebSearch, Depends(_search)]
DocsDep = Annotated[GitHubDocs, Depends(_docs)]
AppServersDep = Annotated[AppServers, Depends(_app_servers)]
AppSetupDep = Annotated[AppSetup, Depends(_app_setup)]
CallerDep = Annotated[User, Depends(_caller)]
"""A user, or a trusted service, which may have no uid."""
UserDep = Annotated[User, Depends(_user)]
"""The user that the request comes from; a 401 where there is none."""
OwnUid = Annotated[str, Depends(_own_uid)]
"""The path's `uid`, which is the user's own; a 403 where it is another's."""


def limited(group: Group) -> Callable[..., Awaitable[None]]:
    """`dependencies=[Depends(limited(Group.EVENTS))]`: counts for the user; tells what is left."""

    async def count(connection: HTTPConnection, caller: CallerDep, response: Response) -> None:
        if not caller.is_service:
            _take(connection, group, caller.uid, response)

    return count


def limited_by_address(group: Group) -> Callable[..., Awaitable[None]]:
    """As `limited`, for routes that are there for who has not signed in yet."""

    async def count(connection: HTTPConnection, settings: SettingsDep, response: Response) -> None:
        address = connection.client.host if connection.client else ""
        if settings.cloud_run_service is not None:  # whose front end adds the address that it saw
            address = connection.headers.get("x-forwarded-for", address).rpartition(",")[2].strip()
        _take(connection, group, address, response)

    return count


def _take(connection: HTTPConnection, group: Group, caller: str, response: Response) -> None:
    limiter: RateLimiter = connection.app.state.rate_limiter
    response.headers.update(limiter.take(group, caller).headers())


async def _uploads(connection: HTTPConnection) -> Uploads:
    uploads: Uploads = connection.app.state.uploads
    return uploads


async def _model(connection: HTTPConnection) -> ModelClient:
    model: ModelClient = connection.app.state.model
    return model


async def _sources(connection: HTTPConnection) -> Sequence[Source]:
    sources: Sequence[Source] = connection.app.state.sources
    return sources


UploadsDep = Annotated[Uploads, Depends(_uploads)]
ModelDep = Annotated[ModelClient, Depends(_model)]
SourcesDep = Annotated[Sequence[Source], Depends(_sources)]

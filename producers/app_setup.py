"""Lets a user enable an app once the app's own server says that its set-up is done. It tells nothing else."""

from __future__ import annotations

from urllib.parse import urlencode

from pydantic import BaseModel, StrictBool

from producers.app_server import AppServers, origin_of
from producers.errors import RequestRefused
from stores import App, Apps


class SetUp(BaseModel):
    """What `GET setup_completed_url?uid=` answers."""

    is_setup_completed: StrictBool


class AppSetup:
    def __init__(self, apps: Apps, servers: AppServers) -> None:
        self._apps = apps
        self._servers = servers

    async def is_completed(self, uid: str, app_id: str, url: str) -> bool:
        """Whether the app's server says so of this user.

        The URL must be of the origin that the app is registered with: nobody else learns who uses it.

        Raises:
            RequestRefused: there is no such app (404), or the URL is not the app's, or leads inside.
            ThirdPartyFailed and its kinds: its server gave no usable answer.
            StoreUnavailable: apps cannot be looked up now.
        """
        self._check(await self._app(app_id), url)
        answer = await self._servers.get(url, SetUp, params={"uid": uid})
        return answer.is_setup_completed

    async def authorize(
        self, uid: str, app_id: str, *, setup_completed_url: str | None, redirect_uri: str, state: str
    ) -> str:
        """Enable the app for this user; where to send the user now. Raises as `is_completed`, and
        `RequestRefused` (409) while the set-up is not done."""
        self._check(await self._app(app_id), redirect_uri)
        if setup_completed_url is not None and not await self.is_completed(uid, app_id, setup_completed_url):
            raise RequestRefused("the app says that its set-up is not done: finish it there", status=409)
        await self._apps.enable(uid, app_id)
        mark = "&" if "?" in redirect_uri else "?"
        return f"{redirect_uri}{mark}{urlencode({'uid': uid, 'state': state})}"

    async def _app(self, app_id: str) -> App:
        app = await self._apps.app(app_id)
        if app is None:
            raise RequestRefused("there is no app of this id", status=404)
        return app

    def _check(self, app: App, url: str) -> None:
        if origin_of(url) != origin_of(app.url):
            raise RequestRefused("the URL must be of the origin that the app is registered with")

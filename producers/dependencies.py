"""What a route asks for by its parameters: the lanes, the settings. Opens nothing; the lifespan did.

Each is a coroutine, since FastAPI runs a plain function in a thread of a pool that nothing bounds; each takes
routes and WebSockets alike.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from lanes import Lanes
from producers.backend_settings import BackendSettings


async def _lanes(connection: HTTPConnection) -> Lanes:
    lanes: Lanes = connection.app.state.lanes
    return lanes


async def _settings(connection: HTTPConnection) -> BackendSettings:
    settings: BackendSettings = connection.app.state.settings
    return settings


LanesDep = Annotated[Lanes, Depends(_lanes)]
SettingsDep = Annotated[BackendSettings, Depends(_settings)]

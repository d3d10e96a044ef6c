"""Fetches what an app says of its tools, from a URL of its developer, and believes what is sane."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urljoin

from pydantic import BaseModel, Field

from producers.app_server import AppServers, origin_of
from producers.errors import RequestRefused, ThirdPartyFailed

MAX_TOOLS = 50


class Parameters(BaseModel):
    """JSON Schema of an object."""

    type: Literal["object"] = "object"
    properties: Annotated[dict[str, dict[str, Any]], Field(max_length=50)] = {}
    required: Annotated[tuple[str, ...], Field(max_length=50)] = ()


class Tool(BaseModel):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: Annotated[str, Field(min_length=1, max_length=2000)]
    endpoint: Annotated[str, Field(min_length=1, max_length=2000)]
    """A URL, or a path of the manifest's own server."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    parameters: Parameters = Parameters()
    auth_required: bool = True
    status_message: Annotated[str, Field(max_length=200)] = ""


class Manifest(BaseModel):
    tools: Annotated[tuple[Tool, ...], Field(max_length=MAX_TOOLS)]


async def fetch_manifest(servers: AppServers, url: str) -> Manifest:
    """The manifest at this URL, its endpoints made absolute; all of them are of the manifest's own origin.

    Raises:
        RequestRefused: the URL is none, or leads inside.
        ThirdPartyFailed and its kinds: no manifest came, or one that cannot be used.
    """
    origin = origin_of(url)
    manifest = await servers.get(url, Manifest)
    tools = []
    for number, tool in enumerate(manifest.tools):
        endpoint = urljoin(url, tool.endpoint)
        try:
            is_own = origin_of(endpoint) == origin
        except RequestRefused:
            is_own = False
        if not is_own:
            raise ThirdPartyFailed(
                "the app's server", f"its manifest: tools.{number}.endpoint: is not of the manifest's origin"
            )
        tools.append(tool.model_copy(update={"endpoint": endpoint}))
    return Manifest(tools=tuple(tools))

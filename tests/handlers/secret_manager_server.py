"""Secret Manager's AccessSecretVersion over gRPC, by Google's own messages, as a test says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import grpc.aio
from google.cloud.secretmanager_v1 import AccessSecretVersionRequest, AccessSecretVersionResponse

from handlers.secret_manager import SecretManager
from handlers.secrets import Secrets

METHOD = "/google.cloud.secretmanager.v1.SecretManagerService/AccessSecretVersion"
Context = grpc.aio.ServicerContext[AccessSecretVersionRequest, AccessSecretVersionResponse]


@dataclass
class SecretManagerServer:
    address: str = ""
    secrets: dict[str, bytes | grpc.StatusCode] = field(default_factory=dict)
    """By name: what is in it, or how asking for it fails."""
    asked: Counter[str] = field(default_factory=Counter)
    routed: list[str] = field(default_factory=list)
    """The routing header of each request."""
    held: asyncio.Event | None = None
    """What every answer waits for, if anything."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def access(
        self, request: AccessSecretVersionRequest, context: Context
    ) -> AccessSecretVersionResponse:
        self.asked[request.name] += 1
        metadata = dict(context.invocation_metadata() or ())
        self.routed.append(str(metadata.get("x-goog-request-params")))
        self.arrived.set()
        if self.held is not None:
            await self.held.wait()
        found = self.secrets.get(request.name, grpc.StatusCode.NOT_FOUND)
        if isinstance(found, grpc.StatusCode):
            await context.abort(found, "as the test says")
        return AccessSecretVersionResponse(name=request.name, payload={"data": found})


def literal_secrets() -> Secrets:
    """For keys that are given as they are; there is nothing to look one up in."""
    return Secrets(SecretManager("127.0.0.1:1"), takes_literals=True)


@asynccontextmanager
async def secret_manager_server() -> AsyncIterator[SecretManagerServer]:
    state = SecretManagerServer()
    method = grpc.unary_unary_rpc_method_handler(
        state.access,
        request_deserializer=AccessSecretVersionRequest.deserialize,
        response_serializer=AccessSecretVersionResponse.serialize,
    )
    service, name = METHOD[1:].split("/")
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: method}),))
    state.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield state
    finally:
        await server.stop(None)

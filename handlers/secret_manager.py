"""Reads secrets from Google's Secret Manager. Keeps none and logs none.

It calls the one method it needs by Google's own messages, past the generated client: where Google's loggers
are at DEBUG (`GOOGLE_SDK_PYTHON_LOGGING_SCOPE=google`), that one logs whole answers, secrets included.
"""

from __future__ import annotations

import asyncio

import google.auth
import grpc.aio
from google.api_core import grpc_helpers_async
from google.api_core.gapic_v1 import routing_header
from google.auth.exceptions import GoogleAuthError
from google.cloud.secretmanager_v1 import AccessSecretVersionRequest, AccessSecretVersionResponse

from handlers.errors import MissingSecret, SecretsAway
from lanes import in_thread

_HOST = "secretmanager.googleapis.com:443"
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_METHOD = "/google.cloud.secretmanager.v1.SecretManagerService/AccessSecretVersion"
_OPTIONS = (
    # By default a channel waits up to two minutes before it looks whether the service is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
_MISSING = {
    grpc.StatusCode.NOT_FOUND: "there is none: add it, or name the version that exists",
    grpc.StatusCode.FAILED_PRECONDITION: "it is disabled or destroyed: enable it, or name another version",
    grpc.StatusCode.PERMISSION_DENIED: "grant our service account roles/secretmanager.secretAccessor on it",
    grpc.StatusCode.INVALID_ARGUMENT: "its name is not valid",
}


class SecretManager:
    """Implements `handlers.secrets.Vault`. It belongs to one event loop.

    The connection is made when the first secret is asked for, so that a machine without Google credentials
    starts as long as it needs none.
    """

    def __init__(self, stand_in: str | None = None) -> None:
        """`stand_in` is HOST:PORT of a server in its place, which is told no credentials."""
        self._stand_in = stand_in
        self._channel: grpc.aio.Channel | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> SecretManager:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; a lookup under way fails."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def access(self, name: str) -> str:
        """The text of a secret's version, without the line break that `echo` has put behind it.

        Its caller bounds the time that it takes.

        Raises:
            MissingSecret: there is none, it is disabled, we may not read it, or it is no text.
            SecretsAway: Secret Manager is, or our credentials are.
        """
        channel = await self._opened()
        access: grpc.aio.UnaryUnaryMultiCallable[AccessSecretVersionRequest, AccessSecretVersionResponse]
        access = channel.unary_unary(
            _METHOD,
            request_serializer=AccessSecretVersionRequest.serialize,
            response_deserializer=AccessSecretVersionResponse.deserialize,
        )
        try:
            answer = await access(
                AccessSecretVersionRequest(name=name),
                metadata=(routing_header.to_grpc_metadata((("name", name),)),),
            )
        except grpc.aio.AioRpcError as error:
            remedy = _MISSING.get(error.code())
            if remedy is not None:
                raise MissingSecret(f"{name}: {remedy} ({error.code().name})") from error
            raise SecretsAway(f"{name}: {error.code().name}: {error.details()}") from error
        try:
            text = answer.payload.data.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise MissingSecret(f"{name}: it is no text in UTF-8") from None
        if not text:
            raise MissingSecret(f"{name}: it is empty")
        return text

    async def _opened(self) -> grpc.aio.Channel:
        async with self._opening:
            if self._channel is None:
                self._channel = await self._connected()
            return self._channel

    async def _connected(self) -> grpc.aio.Channel:
        if self._stand_in is not None:
            return grpc.aio.insecure_channel(self._stand_in, options=_OPTIONS)
        try:
            credentials, _ = await in_thread(google.auth.default, scopes=_SCOPES)
        except GoogleAuthError as error:
            raise SecretsAway(
                f"no Google credentials for Secret Manager: {error}; log in with "
                "`gcloud auth application-default login`"
            ) from error
        channel: grpc.aio.Channel = grpc_helpers_async.create_channel(
            _HOST, credentials=credentials, options=_OPTIONS
        )
        return channel

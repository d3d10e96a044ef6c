"""Our client of Secret Manager against a server of the real service, and Google's own client beside it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
from google.cloud.secretmanager_v1 import SecretManagerServiceAsyncClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcAsyncIOTransport,
)

from handlers.errors import MissingSecret, SecretsAway
from handlers.secret_manager import SecretManager
from tests.handlers.secret_manager_server import SecretManagerServer, secret_manager_server

NAME = "projects/p/secrets/key/versions/3"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
async def server() -> AsyncIterator[SecretManagerServer]:
    async with secret_manager_server() as running:
        running.secrets[NAME] = SECRET.encode()
        yield running


@pytest.fixture
async def manager(server: SecretManagerServer) -> AsyncIterator[SecretManager]:
    async with SecretManager(server.address) as opened:
        yield opened


async def test_it_reads_what_googles_client_reads(
    manager: SecretManager, server: SecretManagerServer
) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        google = SecretManagerServiceAsyncClient(
            transport=SecretManagerServiceGrpcAsyncIOTransport(channel=channel)
        )
        theirs = await google.access_secret_version(name=NAME)
    assert await manager.access(NAME) == theirs.payload.data.decode() == SECRET
    assert server.routed[0] == server.routed[1] == "name=projects/p/secrets/key/versions/3"


async def test_a_line_break_behind_it_is_not_part_of_it(
    manager: SecretManager, server: SecretManagerServer
) -> None:
    server.secrets[NAME] = b"key with a blank \r\n"
    assert await manager.access(NAME) == "key with a blank "


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        (grpc.StatusCode.NOT_FOUND, r"there is none.*\(NOT_FOUND\)"),
        (grpc.StatusCode.FAILED_PRECONDITION, "disabled or destroyed"),
        (grpc.StatusCode.PERMISSION_DENIED, "roles/secretmanager.secretAccessor"),
        (grpc.StatusCode.INVALID_ARGUMENT, "not valid"),
        (b"\xff\xfe", "no text in UTF-8"),
        (b"\n", "empty"),
    ],
)
async def test_what_is_not_there_is_missing_and_named(
    manager: SecretManager, server: SecretManagerServer, found: bytes | grpc.StatusCode, remedy: str
) -> None:
    server.secrets[NAME] = found
    with pytest.raises(MissingSecret, match=rf"^{NAME}: .*{remedy}"):
        await manager.access(NAME)


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAUTHENTICATED,
    ],
)
async def test_a_service_that_cannot_answer_is_away_and_asked_once(
    manager: SecretManager, server: SecretManagerServer, code: grpc.StatusCode
) -> None:
    server.secrets[NAME] = code
    with pytest.raises(SecretsAway, match=rf"^{NAME}: {code.name}"):
        await manager.access(NAME)
    assert server.asked[NAME] == 1


async def test_a_server_that_is_not_there_is_away() -> None:
    async with secret_manager_server() as gone:
        address = gone.address
    async with SecretManager(address) as manager:
        with pytest.raises(SecretsAway, match="UNAVAILABLE"):
            await manager.access(NAME)


async def test_without_credentials_it_is_away_when_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    async with SecretManager() as manager:
        with pytest.raises(SecretsAway, match="gcloud auth application-default login"):
            await manager.access(NAME)


async def test_no_secret_is_logged_at_any_level(
    manager: SecretManager, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="google")  # as GOOGLE_SDK_PYTHON_LOGGING_SCOPE=google does
    google = logging.getLogger("google")
    google.addHandler(caplog.handler)
    try:
        assert await manager.access(NAME) == SECRET
    finally:
        google.removeHandler(caplog.handler)
    told = "".join(str(vars(record)) for record in caplog.records)
    assert "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" not in told
    assert "d2hzZWNf" not in told  # its first bytes in base64

"""An endpoint's keys as names of secrets: looked up where a webhook is signed, typed where they cannot be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from standardwebhooks import Webhook

from contracts import Conversation, DeveloperWebhook, MemoryCreated, Structured
from handlers.delivery import Returned
from handlers.effect import Delivery
from handlers.errors import LiteralSecret, MissingSecret, SecretsAway
from handlers.secret_manager import SecretManager
from handlers.secrets import Secrets
from handlers.webhook_request import WebhookRequests
from handlers.webhooks import DeveloperWebhooks
from lanes import LOCAL, WEBHOOKS, HttpLane
from stores import Directory, Endpoint, SigningKey
from stores.sqlite import open_sqlite
from tests.handlers.secret_manager_server import SecretManagerServer, secret_manager_server
from tests.receiver import Receiver, receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NAME = "projects/p/secrets/u-memory/versions/1"
DELIVERY = Delivery(id="msg_0123", attempt=1, deadline=5.0)
TASK = DeveloperWebhook(
    uid="u",
    event=MemoryCreated(
        conversation=Conversation(
            id="c1", created_at=datetime(2026, 11, 1, tzinfo=UTC), structured=Structured(title="A walk")
        )
    ),
)


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as stores:
        yield stores.directory


@pytest.fixture
async def manager() -> AsyncIterator[SecretManagerServer]:
    async with secret_manager_server() as running:
        running.secrets[NAME] = SECRET.encode()
        yield running


@pytest.fixture
async def webhooks(directory: Directory, manager: SecretManagerServer) -> AsyncIterator[DeveloperWebhooks]:
    async with SecretManager(manager.address) as vault, HttpLane(WEBHOOKS, egress=LOCAL) as lane:
        secrets = Secrets(vault, takes_literals=False)
        requests = WebhookRequests(lane, secrets, clock=lambda: datetime.now(UTC))
        yield DeveloperWebhooks(directory, requests)


@pytest.fixture
async def target(directory: Directory) -> AsyncIterator[Receiver]:
    async with receiver() as opened:
        await directory.put_endpoint(
            Endpoint(uid="u", kind="memory_created", url=opened.url, keys=(SigningKey(secret=NAME),))
        )
        yield opened


async def with_key(directory: Directory, secret: str) -> None:
    await directory.change_endpoint(
        "u", "memory_created", lambda one: replace(one, keys=(SigningKey(secret=secret),))
    )


async def test_the_secret_signs_and_its_name_stays_here(
    webhooks: DeveloperWebhooks, target: Receiver, manager: SecretManagerServer
) -> None:
    for _ in range(2):
        assert await webhooks(TASK, DELIVERY) == Returned()
    for got in target.received:
        Webhook(SECRET).verify(got.body, dict(got.headers))
        assert NAME not in str(got)
    assert manager.asked == {NAME: 1}


async def test_a_key_that_cannot_be_had_sends_nothing_and_says_why(
    webhooks: DeveloperWebhooks, target: Receiver, directory: Directory, manager: SecretManagerServer
) -> None:
    await with_key(directory, "projects/p/secrets/other/versions/1")
    with pytest.raises(MissingSecret, match=r"secrets/other/versions/1: there is none"):
        await webhooks(TASK, DELIVERY)
    await with_key(directory, SECRET)
    with pytest.raises(LiteralSecret):
        await webhooks(TASK, DELIVERY)
    await with_key(directory, NAME)
    manager.secrets[NAME] = grpc.StatusCode.UNAVAILABLE
    with pytest.raises(SecretsAway):
        await webhooks(TASK, DELIVERY)
    assert target.received == []

"""A name that rebinds between two deliveries, through the whole pipeline: no request follows it inside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from contracts import Conversation, DeveloperWebhook, MemoryCreated, Structured
from handlers.delivery import End
from handlers.effect import Delivery
from handlers.webhook_request import WebhookRequests
from handlers.webhooks import DeveloperWebhooks
from lanes import WEBHOOKS, EgressPolicy
from stores import Directory, Endpoint, SigningKey
from stores.sqlite import open_sqlite
from tests.flow.world import SECRET
from tests.handlers.conftest import START, Note, Service
from tests.handlers.secret_manager_server import literal_secrets
from tests.lanes.hostile import name_server, target
from tests.lanes.hostile_answers import OK, says
from tests.lanes.names import lane_asking

SETTINGS = WEBHOOKS.model_copy(update={"keepalive": 0.0})
OUTSIDE = EgressPolicy(ports=None, allowed=(IPv4Network("127.0.0.2/32"),))
"""127.0.0.2 stands for a public address; 127.0.0.1 leads inside as ever."""
TASK = DeveloperWebhook(
    uid="u1",
    event=MemoryCreated(
        conversation=Conversation(id="c1", created_at=START, structured=Structured(title="A"))
    ),
)


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with open_sqlite(tmp_path / "directory.sqlite3") as stores:
        yield stores.directory


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
async def test_a_name_that_rebinds_ends_as_a_dead_letter(
    service: Service, directory: Directory, inside: str
) -> None:
    answers = [["127.0.0.2"]]
    served = says(OK, b"content-length: 0\r\n\r\n")
    async with (
        target(served, host="127.0.0.2") as friendly,
        name_server(lambda _: answers[-1]) as names,
        lane_asking(names, SETTINGS, OUTSIDE, names_kept=0) as lane,
    ):
        requests = WebhookRequests(lane, literal_secrets(), clock=lambda: datetime.now(UTC))
        webhooks = DeveloperWebhooks(directory, requests)
        await directory.put_endpoint(
            Endpoint(
                uid="u1",
                kind=TASK.event.kind,
                url=f"http://user.example:{friendly.port}/hook?key=s3cret",
                keys=(SigningKey(secret=SECRET),),
            )
        )

        async def deliver(_: Note, delivery: Delivery) -> End:
            return await webhooks(TASK, delivery)

        service.effect = deliver
        first = await service.post_note(Note(id="n1", realtime=False))
        answers.append([inside])
        second = await service.post_note(Note(id="n2", realtime=False))
        assert friendly.connections == 1
    assert [first.json()["outcome"], second.json()["outcome"]] == ["done", "dead"]
    (letter,) = service.letters()
    assert letter.reason == "blocked-address"
    assert "s3cret" not in letter.detail

"""Secrets by name: kept for a while, looked up once, typed where they are missing or away, never shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from pydantic import SecretStr

from handlers.errors import LiteralSecret, MissingSecret, SecretsAway
from handlers.secret_manager import SecretManager
from handlers.secrets import Secrets
from stores import SigningKey, StoreUnavailable
from tests.handlers.secret_manager_server import SecretManagerServer, secret_manager_server
from tests.lanes.hand_clock import HandClock

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def name(number: int) -> str:
    return f"projects/p/secrets/s{number}/versions/latest"


@pytest.fixture
async def server() -> AsyncIterator[SecretManagerServer]:
    async with secret_manager_server() as running:
        running.secrets = {name(number): f"secret {number}".encode() for number in range(5)}
        yield running


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def secrets(server: SecretManagerServer, clock: HandClock) -> AsyncIterator[Secrets]:
    async with SecretManager(server.address) as vault:
        yield Secrets(vault, takes_literals=False, max_kept=2, monotonic=clock)


async def test_a_secret_is_kept_for_a_while_and_then_looked_up_again(
    secrets: Secrets, server: SecretManagerServer, clock: HandClock
) -> None:
    assert [await secrets.reveal(name(1)) for _ in range(3)] == ["secret 1"] * 3
    clock.advance(299)
    server.secrets[name(1)] = b"rotated"
    assert await secrets.reveal(name(1)) == "secret 1"
    clock.advance(1)
    assert await secrets.reveal(name(1)) == "rotated"
    assert server.asked[name(1)] == 2
    statistics = secrets.statistics()
    assert (statistics.hits, statistics.lookups, statistics.failures) == (3, 2, 0)


async def test_of_too_many_the_one_used_longest_ago_leaves(
    secrets: Secrets, server: SecretManagerServer
) -> None:
    for number in (1, 2, 1, 3, 1, 2):
        assert await secrets.reveal(name(number)) == f"secret {number}"
    assert server.asked == {name(1): 1, name(2): 2, name(3): 1}
    assert (secrets.statistics().kept, secrets.statistics().max_kept) == (2, 2)


async def test_those_who_ask_at_once_share_one_lookup(secrets: Secrets, server: SecretManagerServer) -> None:
    server.held = asyncio.Event()
    asking = [asyncio.create_task(secrets.reveal(name(1))) for _ in range(10)]
    await server.arrived.wait()
    asking[0].cancel()
    server.held.set()
    assert await asyncio.gather(*asking[1:]) == ["secret 1"] * 9
    assert server.asked[name(1)] == 1


async def test_what_is_missing_is_asked_for_again(secrets: Secrets, server: SecretManagerServer) -> None:
    with pytest.raises(MissingSecret, match=r"projects/p/secrets/s9/versions/latest: there is none"):
        await secrets.reveal(name(9))
    server.secrets[name(9)] = b"added"
    assert await secrets.reveal(name(9)) == "added"
    assert secrets.statistics().failures == 1


async def test_a_revoked_secret_serves_no_longer_than_its_age(
    secrets: Secrets, server: SecretManagerServer, clock: HandClock
) -> None:
    await secrets.reveal(name(1))
    server.secrets[name(1)] = grpc.StatusCode.FAILED_PRECONDITION
    clock.advance(300)
    for _ in range(2):
        with pytest.raises(MissingSecret, match="disabled or destroyed"):
            await secrets.reveal(name(1))
    assert secrets.statistics().kept == 0


async def test_a_service_that_is_away_keeps_tasks_waiting(
    secrets: Secrets, server: SecretManagerServer
) -> None:
    server.secrets[name(1)] = grpc.StatusCode.UNAVAILABLE
    with pytest.raises(SecretsAway) as caught:
        await secrets.reveal(name(1))
    assert isinstance(caught.value, StoreUnavailable)  # so that the queue calls again, at no attempt
    server.secrets[name(1)] = b"back"
    assert await secrets.reveal(name(1)) == "back"


async def test_a_lookup_ends_at_its_deadline(server: SecretManagerServer) -> None:
    server.held = asyncio.Event()
    async with SecretManager(server.address) as vault:
        secrets = Secrets(vault, takes_literals=False, deadline=0.05)
        with pytest.raises(SecretsAway, match=r"no answer within 0\.05 s"):
            await secrets.reveal(name(1))
        server.held.set()
        assert await secrets.reveal(name(1)) == "secret 1"


async def test_a_literal_is_taken_where_it_may_be_and_never_shown(
    secrets: Secrets, server: SecretManagerServer
) -> None:
    with pytest.raises(LiteralSecret, match="projects/P/secrets/S/versions/V") as caught:
        await secrets.reveal("whsec_MfKQ9r8G")
    assert "MfKQ9r8G" not in str(caught.value)
    async with SecretManager(server.address) as vault:
        local = Secrets(vault, takes_literals=True)
        assert await local.reveal("whsec_MfKQ9r8G") == "whsec_MfKQ9r8G"
        assert await local.reveal(name(1)) == "secret 1"


@pytest.mark.parametrize("almost", ["projects/p/secrets/s", "projects/p/secrets/s/versions/1/x", "projects/"])
async def test_what_is_almost_a_name_is_no_literal(server: SecretManagerServer, almost: str) -> None:
    async with SecretManager(server.address) as vault:
        with pytest.raises(MissingSecret, match="names no secret"):
            await Secrets(vault, takes_literals=True).reveal(almost)
    assert not server.asked


async def test_keys_are_revealed_but_those_that_sign_no_more(
    secrets: Secrets, server: SecretManagerServer
) -> None:
    until = NOW + timedelta(hours=1)
    keys = (
        SigningKey(secret=name(1)),
        SigningKey(secret=name(2), not_after=until),
        SigningKey(secret=name(9), not_after=NOW),
    )
    assert await secrets.keys(keys, NOW) == (
        SigningKey(secret="secret 1"),
        SigningKey(secret="secret 2", not_after=until),
    )
    assert name(9) not in server.asked


async def test_a_setting_may_be_the_secret_itself(secrets: Secrets, server: SecretManagerServer) -> None:
    assert await secrets.setting(SecretStr("AIza-key"))() == "AIza-key"
    assert await secrets.setting(SecretStr(name(1)))() == "secret 1"
    assert server.asked == {name(1): 1}


async def test_nothing_that_is_kept_is_shown(secrets: Secrets) -> None:
    await secrets.reveal(name(1))
    shown = f"{secrets!r} {vars(secrets)!r} {secrets.statistics()!r}"
    assert name(1) in shown
    assert "secret 1" not in shown

"""Pushes one subscription's messages and settles them by the answers; it keeps no message of its own."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from dataclasses import dataclass

from google.pubsub_v1 import types

from emulator.engine.clock import Clock, sleep_until
from emulator.engine.exchange import Failure, Sender
from emulator.errors import StoreError
from emulator.oidc import TokenIssuer
from emulator.pubsub import leases, subscriptions, times
from emulator.pubsub.changes import DEAD_LETTERS, Changes, Wakeups
from emulator.pubsub.leases import Delivery, Lease, Terms
from emulator.pubsub.push_request import audience, push_request

logger = logging.getLogger(__name__)

CONCURRENT_PUSHES = 64  # of a subscription; more due messages wait in the store
ACKNOWLEDGING = frozenset({102, 200, 201, 202, 204})  # https://cloud.google.com/pubsub/docs/push#receive_push
SETTLE_GRACE = 10.0  # seconds by which a lease outlasts its request, so that the answer can be recorded
STORE_PAUSE = 1.0  # seconds before the next try where the store failed


@dataclass(slots=True)
class PushTally:
    """Pushes acknowledged, pushes failed, and those under way."""

    acknowledged: int = 0
    failed: int = 0
    under_way: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTools:
    """What every pusher works with."""

    changes: Changes
    wakeups: Wakeups
    clock: Clock
    issuer: TokenIssuer
    sender: Sender
    tally: PushTally


class Pusher:
    """Pushes what is due of subscription `name`, at most `CONCURRENT_PUSHES` at a time."""

    def __init__(self, name: str, tools: PushTools) -> None:
        self._name = name
        self._tools = tools
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Push until cancelled. Pushes cut off by that are due again when their lease ends."""
        async with asyncio.TaskGroup() as pushes:
            with self._tools.wakeups.listen(self._name) as woken:
                while True:
                    woken.clear()
                    free = CONCURRENT_PUSHES - len(self._under_way)
                    lease = await self._lease(free)
                    for delivery in lease.deliveries:
                        push = pushes.create_task(self._push(lease.subscription, delivery))
                        self._under_way.add(push)
                        push.add_done_callback(self._under_way.discard)
                    if len(self._under_way) == CONCURRENT_PUSHES:
                        await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                    else:
                        await self._tools.wakeups.wait(woken, lease.next_due)

    async def _lease(self, limit: int) -> Lease:
        """What is due now; nothing where the subscription is gone or has become a pull one."""

        def write(db: sqlite3.Connection) -> Lease:
            stored = subscriptions.find(db, self._name)
            if stored is None or not stored.is_push:
                return Lease(types.Subscription(), (), None)
            seconds = stored.resource.ack_deadline_seconds + SETTLE_GRACE
            return leases.lease(db, stored, Terms(limit=limit, seconds=seconds, in_batches=False), now)

        while True:
            now = times.now(self._tools.clock)
            try:
                return await self._tools.changes.commit(
                    write, concerns=lambda lease: (DEAD_LETTERS,) if lease.is_last_attempt else ()
                )
            except StoreError:
                logger.exception("cannot read what to push to %s; trying again", self._name)
                await sleep_until(self._tools.clock, self._tools.clock.now() + STORE_PAUSE)

    async def _push(self, subscription: types.Subscription, delivery: Delivery) -> None:
        tally = self._tools.tally
        tally.under_way += 1
        try:
            is_acknowledged = await self._send(subscription, delivery)
            await self._settle(delivery, is_acknowledged=is_acknowledged)
        except StoreError:
            logger.exception("cannot record the push of %s; it is due again when its lease ends", self._name)
        finally:
            tally.under_way -= 1

    async def _send(self, subscription: types.Subscription, delivery: Delivery) -> bool:
        push_config = subscription.push_config
        token = None
        try:
            if "oidc_token" in push_config:
                email = push_config.oidc_token.service_account_email
                token = self._tools.issuer.token(email=email, audience=audience(push_config))
            attempt = delivery.ack_id.attempt if "dead_letter_policy" in subscription else None
            request = push_request(subscription, delivery.message, attempt=attempt, token=token)
            end = await self._tools.sender.send(request, float(subscription.ack_deadline_seconds))
        except Exception:
            logger.exception("a push of %s failed by a defect of the emulator; it is sent again", self._name)
            return False
        if isinstance(end, Failure):
            logger.info("push of %s failed: %s", self._name, end.detail)
            return False
        return end.status in ACKNOWLEDGING

    async def _settle(self, delivery: Delivery, *, is_acknowledged: bool) -> None:
        now = times.now(self._tools.clock)

        def write(db: sqlite3.Connection) -> None:
            stored = subscriptions.find(db, self._name)
            if stored is None or stored.id != delivery.ack_id.subscription:
                return  # deleted meanwhile, with all that it had to deliver
            if is_acknowledged:
                leases.acknowledge(db, stored, [delivery.ack_id], now)
            else:
                leases.modify_ack_deadline(db, stored, [(delivery.ack_id, 0.0)], now)

        if is_acknowledged:
            self._tools.tally.acknowledged += 1
        else:
            self._tools.tally.failed += 1
        await self._tools.changes.commit(write, concerns=lambda _: (self._name, DEAD_LETTERS))

"""Pub/Sub in a process of its own, which a test can kill: `python -m tests.emulator.pubsub.served FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import grpc.aio
from google.pubsub_v1 import types

from emulator.engine.clock import SystemClock
from emulator.http_sender import HttpSender
from emulator.oidc import TokenIssuer
from emulator.pubsub import SCHEMA, PubSub
from emulator.store import Store
from tests.emulator.pubsub.resources import SUBSCRIPTION, TOPIC


async def serve(folder: Path) -> None:
    clock = SystemClock()
    issuer = TokenIssuer(folder / "key.pem", clock=clock)
    await issuer.open()
    store = Store(folder / "pubsub.db", schema=SCHEMA)
    await store.open()
    sender = HttpSender(connections=8)
    await sender.open()
    pubsub = PubSub(store, clock=clock, issuer=issuer, sender=sender)
    await pubsub.open()
    await pubsub.ensure([types.Topic(name=TOPIC)], [types.Subscription(name=SUBSCRIPTION, topic=TOPIC)])
    server = grpc.aio.server()
    pubsub.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))

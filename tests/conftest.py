"""What every test shares: above all the guard that fails a test which blocks its event loop."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import grpc.aio
import pytest
import pytest_asyncio
from blockbuster import BlockBuster, blockbuster_ctx

from tests.firestore_emulator import Firestore, NotInstalled, firestore_emulator


@pytest.fixture(autouse=True)
def loop_guard() -> Iterator[BlockBuster]:
    """Raise BlockingError where code on the event loop makes a blocking call.

    The one exception: Google's clients look for a certificate file when they are built, once in a lifespan.
    """
    with blockbuster_ctx() as guard:
        guard.functions["os.stat"].can_block_in(
            "google/auth/transport/_mtls_helper.py", "check_use_client_cert"
        )
        yield guard


@pytest_asyncio.fixture(autouse=True, scope="session", loop_scope="session")
async def grpc_stays_up() -> AsyncIterator[None]:
    """Keep gRPC's threads from test to test: it joins them, and so blocks, whenever its last channel goes."""
    grpc.aio.init_grpc_aio()
    yield
    grpc.aio.shutdown_grpc_aio()


@pytest.fixture(scope="session")
def firestore_host() -> Iterator[str]:
    """HOST:PORT of Google's Firestore emulator, which a run without Firestore tests never starts."""
    with ExitStack() as stack:
        try:
            host = stack.enter_context(firestore_emulator())
        except NotInstalled as error:
            pytest.skip(str(error))
        yield host


@pytest.fixture
def firestore(firestore_host: str) -> Firestore:
    """Databases of the test's own: the emulator makes one for every project and name."""
    return Firestore(host=firestore_host, name=f"test-{uuid.uuid4().hex[:20]}")

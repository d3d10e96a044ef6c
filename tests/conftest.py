"""What every test shares: the guard that fails a test which blocks its event loop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx


@pytest.fixture(autouse=True)
def loop_guard() -> Iterator[BlockBuster]:
    """Raise BlockingError where code on the event loop makes a blocking call."""
    with blockbuster_ctx() as guard:
        yield guard

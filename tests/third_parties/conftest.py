"""What the tests against third parties share: a developer's environment, and one set of keys."""

from __future__ import annotations

import pytest

from tests.handlers.tokens import Issuer
from tests.third_parties.identity import Identity


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own shell reaches a test; loopback may be reached."""
    for name in ("K_SERVICE", "CLOUD_TASKS_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "SIDELANE_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIDELANE_REFUSE_DEFAULT_EXECUTOR", "false")
    monkeypatch.setenv("SIDELANE_EGRESS_ALLOW", "127.0.0.0/8")


@pytest.fixture
def identity(apple_keys: Issuer) -> Identity:
    return Identity(apple_keys=apple_keys)


@pytest.fixture(scope="session")
def apple_keys() -> Issuer:
    return Issuer("apple-1")

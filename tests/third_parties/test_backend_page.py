"""docs/BACKEND.md tells of routes that there are, and its settings are read from the environment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from producers.app import create_app
from producers.backend_settings import BackendSettings
from producers.rate_limit import Group, RateLimit
from tests.third_parties.backend import settings_for
from tests.third_parties.identity import Identity

PAGE = Path(__file__).parents[2] / "docs/BACKEND.md"
ROUTE = re.compile(r"`(GET|POST|PUT|DELETE) (/v1/[^`]*)`")


def test_every_route_of_the_table_is_there(identity: Identity, tmp_path: Path) -> None:
    document = create_app(settings_for("http://127.0.0.1:1", tmp_path, identity)).openapi()
    there = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    told = ROUTE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(told) > 12
    assert set(told) <= there


def test_settings_of_the_page_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Fernet.generate_key().decode()
    for name, value in {
        "RATE_LIMITS": '{"sign-in": {"per_second": 2, "burst": 3}}',
        "SEAL_KEY": f"{key}, {Fernet.generate_key().decode()}",
        "TRUSTS_CALLERS": "true",
    }.items():
        monkeypatch.setenv(f"SIDELANE_{name}", value)
    settings = BackendSettings()
    assert settings.rate_limits == {Group.SIGN_IN: RateLimit(per_second=2, burst=3)}
    assert settings.seal_keys()[0] == key.encode()
    assert settings.trusts_callers
    assert not settings.signs_in

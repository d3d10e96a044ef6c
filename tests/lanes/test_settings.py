"""The lanes' settings: one table, changed a number at a time by variables, and safe where it is deployed."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

import pytest
from pydantic import ValidationError

from lanes import AUTH, WEBHOOKS, EgressPolicy, LanesSettings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("K_SERVICE", "SIDELANE_EGRESS_ALLOW", "SIDELANE_OWN_HOSTS"):
        monkeypatch.delenv(name, raising=False)


def test_one_variable_changes_one_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDELANE_HTTP__WEBHOOKS__DEADLINE", "5")
    lanes = LanesSettings().http
    assert lanes.webhooks == WEBHOOKS.model_copy(update={"deadline": 5.0})
    assert lanes.auth == AUTH


def test_a_bad_number_names_its_field_and_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDELANE_HTTP__AUTH__MAX_CONNECTIONS", "0")
    with pytest.raises(ValidationError, match=r"http\.auth\.max_connections[\s\S]*greater than 0[\s\S]*'0'"):
        LanesSettings()


def test_a_lane_or_field_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDELANE_HTTP__WEBHOOK__DEADLINE", "5")
    with pytest.raises(ValidationError, match=r"http\.webhook\n.*Extra inputs"):
        LanesSettings()


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDELANE_EGRESS_ALLOW", "127.0.0.0/8, ::1/128")
    monkeypatch.setenv("SIDELANE_OWN_HOSTS", "a.run.app,internal.example")
    assert LanesSettings().egress() == EgressPolicy(
        ports=None,
        own_suffixes=("a.run.app", "internal.example"),
        allowed=(IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")),
    )


def test_without_an_allow_list_the_guard_is_strict() -> None:
    assert LanesSettings().egress() == EgressPolicy(own_suffixes=("a.run.app",))


def test_a_deployed_service_refuses_an_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_SERVICE", "handlers")
    monkeypatch.setenv("SIDELANE_EGRESS_ALLOW", "10.0.0.0/8")
    with pytest.raises(ValueError, match="SIDELANE_EGRESS_ALLOW is for development: remove it"):
        LanesSettings().egress()


def test_a_webhook_lane_never_sends_its_trace_and_is_always_guarded() -> None:
    assert WEBHOOKS.is_guarded
    assert not WEBHOOKS.is_traced

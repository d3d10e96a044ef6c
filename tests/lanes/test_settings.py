"""The lanes' settings: one table, changed a number at a time by variables, and safe where it is deployed."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

import pytest
from pydantic import ValidationError

from lanes import AUTH, WEBHOOKS, EgressPolicy, HttpLanesSettings, LaneSettings, LanesSettings


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


@pytest.mark.parametrize("lane", HttpLanesSettings.model_fields)
def test_every_number_of_every_lane_can_be_set(lane: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before: LaneSettings = getattr(LanesSettings().http, lane)
    changes = {
        field: not value if isinstance(value, bool) else 7 if value is None else value + 1
        for field, value in before.model_dump().items()
    }
    for field, value in changes.items():
        monkeypatch.setenv(f"SIDELANE_HTTP__{lane}__{field}".upper(), str(value))
    assert getattr(LanesSettings().http, lane) == LaneSettings(**changes)


@pytest.mark.parametrize("field", ["max_per_target", "breaker_failures"])
def test_a_bound_that_may_be_none_is_taken_away_by_none(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"SIDELANE_HTTP__WEBHOOKS__{field}".upper(), "none")
    assert getattr(LanesSettings().http.webhooks, field) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deadline", "0"),
        ("deadline", "-1"),
        ("deadline", "soon"),
        ("deadline", "inf"),
        ("deadline", "nan"),
        ("connect_timeout", "0"),
        ("keepalive", "-1"),
        ("max_waiting", "-1"),
        ("max_wait", "0"),
        ("max_body_bytes", "0"),
        ("max_per_target", "0"),
        ("breaker_failures", "0"),
        ("breaker_open_for", "0"),
        ("is_guarded", "perhaps"),
        ("colour", "red"),
    ],
)
def test_a_value_that_makes_no_sense_stops_the_start(
    field: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SIDELANE_HTTP__DEFAULT__{field}".upper(), value)
    with pytest.raises(ValidationError, match=rf"http\.default\.{field}"):
        LanesSettings()


@pytest.mark.parametrize("networks", ["10.0.0.0/99", "everything", "10.0.0.1/8"])
def test_a_network_that_is_none_stops_the_start(networks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDELANE_EGRESS_ALLOW", networks)
    with pytest.raises(ValidationError, match="egress_allow"):
        LanesSettings()


def test_the_lanes_to_users_urls_are_guarded_and_the_one_of_ours_is_traced() -> None:
    lanes = LanesSettings().http
    assert [name for name, lane in lanes if not lane.is_guarded] == ["stt", "llm", "fcm"]
    assert [name for name, lane in lanes if lane.is_traced] == ["stt"]

"""Checks where and how a subscription pushes; pure, and it pushes nothing."""

from __future__ import annotations

from urllib.parse import urlsplit

from google.pubsub_v1 import types

from emulator.errors import InvalidArgumentError


def checked_push_config(config: types.PushConfig) -> types.PushConfig:
    """A push configuration as it is stored; one without an endpoint makes its subscription a pull one.

    Raises INVALID_ARGUMENT.
    """
    if not config.push_endpoint:
        return types.PushConfig()
    if not _is_http_url(config.push_endpoint):
        raise InvalidArgumentError(
            f"Invalid push endpoint given (endpoint={config.push_endpoint[:300]}). "
            "Give an absolute URL that begins with http:// or https://."
        )
    if "oidc_token" in config and not config.oidc_token.service_account_email:
        raise InvalidArgumentError(
            "PushConfig.oidc_token.service_account_email is empty: give the service account that signs "
            "the pushes, or leave oidc_token out."
        )
    checked = types.PushConfig(config)
    version = checked.attributes.setdefault("x-goog-version", "v1")
    if version not in {"v1", "v1beta2"}:
        raise InvalidArgumentError(
            f'PushConfig.attributes["x-goog-version"] is "{version[:50]}": only v1 is served.'
        )
    return checked


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where the port is no number
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)

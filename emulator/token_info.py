"""Answers what a token says, as Google's tokeninfo endpoint does for one of its own; it issues none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.auth import exceptions, jwt

from emulator.oidc import TokenIssuer

Answer = tuple[int, dict[str, str]]
"""HTTP status and JSON object. Google writes numbers and booleans as text here."""


def token_info(query: Mapping[str, str], issuer: TokenIssuer) -> Answer:
    """The answer to `?access_token=` or `?id_token=`, about a token of `issuer`.

    A token that is not valid, or of the other kind, is a 400, as Google answers it.
    """
    if "id_token" in query:
        return _of_id_token(query["id_token"], issuer)
    if "access_token" in query:
        return _of_access_token(query["access_token"], issuer)
    return 400, {
        "error": "invalid_request",
        "error_description": "either access_token or id_token is required",
    }


def _of_id_token(token: str, issuer: TokenIssuer) -> Answer:
    claims = _verified(token, issuer)
    if "aud" not in claims:
        return _invalid()
    return 200, {name: _text(value) for name, value in (claims | jwt.decode_header(token)).items()}


def _of_access_token(token: str, issuer: TokenIssuer) -> Answer:
    claims = _verified(token, issuer)
    if "scope" not in claims:
        return _invalid()
    told = {name: claims[name] for name in ("azp", "sub", "scope", "exp", "email", "email_verified")}
    told |= {"aud": claims["azp"], "expires_in": claims["exp"] - int(issuer.now()), "access_type": "online"}
    return 200, {name: _text(value) for name, value in told.items()}


def _verified(token: str, issuer: TokenIssuer) -> dict[str, Any]:
    """The claims of a token with a valid signature that has not expired; none of any other."""
    try:
        return dict(jwt.decode(token, certs=issuer.certificates()))
    except (ValueError, exceptions.GoogleAuthError):
        return {}


def _invalid() -> Answer:
    return 400, {"error": "invalid_token", "error_description": "Invalid Value"}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

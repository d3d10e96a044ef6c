"""Judges what a proven OIDC token of Google claims: whether its service account may call. Pure."""

from __future__ import annotations

from collections.abc import Collection

from lanes.id_token import Claims, Refusal, time_refusal

ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})


def judge(claims: Claims, *, audience: str, emails: Collection[str], now: float) -> Refusal | None:
    """Why a token with these claims is refused; None where it is good.

    All of them count: the audience alone would let in every service account of every Google customer.

    Args:
        now: Unix seconds.
    """
    if claims.iss not in ISSUERS:
        return Refusal.ISSUER
    if claims.aud != audience:
        return Refusal.AUDIENCE
    if (refusal := time_refusal(claims, now)) is not None:
        return refusal
    if claims.email_verified is not True:
        return Refusal.EMAIL_UNVERIFIED
    return None if claims.email in emails else Refusal.EMAIL

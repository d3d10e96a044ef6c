"""What can go wrong around a side effect, apart from the side effect itself.

HandlerError
├── CallerRefused           who calls could not be proven, or may not call
│   ├── Unauthenticated     no valid token: answered 401
│   └── Forbidden           a valid token of somebody else: answered 403
├── BadSigningKey           an endpoint's key cannot sign; the message never holds the key
├── CredentialsAway         no access token for a Google API can be had at the moment
├── UnreadableAnswer        a speech service's answer is not of the documented shape
├── CertificatesAway        tokens cannot be checked at the moment: answered 500
├── NoSuchLetter            there is no dead letter of this id
├── LiteralSecret           a secret is given as it is where only its name may be
├── MissingSecret           a secret is not there, or we may not read it; no message ever holds one
├── SecretsAway             secrets cannot be looked up now: answered 500, also a `StoreUnavailable`
└── UnknownQueue            a task came from a queue that the catalog lacks: answered 500
"""

from __future__ import annotations

from stores import StoreUnavailable


class HandlerError(Exception):
    """Base of every error that `handlers` raises."""


class CallerRefused(HandlerError):
    """Who calls could not be proven, or may not call."""

    status = 401

    def __init__(self, reason: str, message: str) -> None:
        """`reason`: a value of `lanes.id_token.Refusal`, for metrics."""
        super().__init__(message)
        self.reason = reason


class Unauthenticated(CallerRefused):
    """The request has no valid OIDC token: give the queue or subscription an oidc_token."""


class Forbidden(CallerRefused):
    """The token is valid, but its service account may not call: check the caller's email."""

    status = 403


class BadSigningKey(HandlerError):
    """An endpoint's key cannot sign: rotate it. The message names the field and never holds the key."""


class CredentialsAway(HandlerError):
    """No access token for a Google API can be had at the moment; what needs one is parked."""


class UnreadableAnswer(HandlerError):
    """A service's answer is not of the documented shape; the message names the place and holds no value."""


class CertificatesAway(HandlerError):
    """The certificates that tokens are checked with cannot be had; the task stays in its queue."""


class NoSuchLetter(HandlerError):
    """There is no dead letter of this id: `sidelane dead list` shows those that are there."""


class UnknownQueue(HandlerError):
    """A task came from a queue that the catalog lacks; it stays there until the catalog has it."""


class LiteralSecret(HandlerError):
    """A secret is given as it is where only the name of one may be; it is not shown."""


class MissingSecret(HandlerError):
    """A secret is not there, or we may not read it; the message names it and the remedy."""


class SecretsAway(HandlerError, StoreUnavailable):
    """Secrets cannot be looked up at the moment; as with every lookup, the task stays in its queue."""

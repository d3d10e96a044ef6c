"""What can go wrong on an outgoing request.

LaneError
├── LaneClosed          used before `open()`, after `aclose()`, or on another event loop
├── BadUrl              the URL cannot be requested at all
├── DeadlineExceeded    the answer was not complete in time
├── ConnectFailed       no connection could be made
└── ExchangeFailed      the connection broke, or the answer is not HTTP
"""

from __future__ import annotations


class LaneError(Exception):
    """Base of every error that `lanes` raises."""


class LaneClosed(LaneError):
    """The lane is not open on this event loop: open it in the lifespan of the loop that uses it."""


class BadUrl(LaneError):
    """The URL cannot be requested: it must be absolute, with http or https and a host."""


class DeadlineExceeded(LaneError):
    """The answer was not complete in time; the request may have had its effect."""


class ConnectFailed(LaneError):
    """No connection could be made; the request had no effect."""


class ExchangeFailed(LaneError):
    """The connection broke or the answer is not HTTP; the request may have had its effect."""

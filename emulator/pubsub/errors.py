"""Names what can go wrong in Pub/Sub besides an API's answer; it decides nothing about what happens next.

EmulatorError
└── PushError   a push got no answer; the message stays and is pushed again
"""

from __future__ import annotations

from emulator.errors import EmulatorError


class PushError(EmulatorError):
    """The endpoint could not be reached or did not answer in time; the message says which."""

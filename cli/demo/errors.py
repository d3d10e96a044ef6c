"""What can go wrong with the demo.

DemoError
├── BadInput           what the caller gave (--input, --data) cannot be used: nothing was started
├── ProcessFailed      a service did not start in time, or ended on its own; the message ends with its log
└── UnexpectedAnswer   the backend or the emulator did not answer as it should
"""

from __future__ import annotations


class DemoError(Exception):
    """Base of every error that the demo raises."""


class BadInput(DemoError):
    """What the caller gave cannot be used; the message names the place and the remedy."""


class ProcessFailed(DemoError):
    """A service did not start in time, or ended on its own; the message ends with the tail of its log."""


class UnexpectedAnswer(DemoError):
    """The backend or the emulator did not answer as it should; the message quotes what it said."""

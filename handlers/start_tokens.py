"""Names the starts of a process, so that each gives back its own alone. Remembers none."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable


def start_tokens() -> Callable[[], str]:
    """Makes names that no two starts share, in whatever process; chance is asked of the system only once."""
    process, numbers = secrets.token_hex(8), itertools.count()
    return lambda: f"{process}{next(numbers):x}"

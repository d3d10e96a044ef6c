"""Keeps the objects that a service is made of out of the garbage collector's rounds. It frees nothing itself.

CPython looks through every object that survived, each time that a quarter more of them have. A service has
some hundred thousand from its imports alone: its event loop would stand still for a tenth of a second.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 10_000
"""New objects after which the youngest are looked through: those of some requests that are under way at once
have mostly gone by then."""


@contextmanager
def settled_heap() -> Iterator[None]:
    """Within the block, what exists now is looked through no more; it is of the whole process.

    Outside of it the collector is as it was before.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()

"""Keeps something for each of the targets that were asked for last; forgets the others, decides nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 10_000


class Recent(Generic[T]):
    """What `make` makes for a target when it is first asked for, until `most` others were asked for later."""

    def __init__(self, make: Callable[[], T], *, most: int = MOST) -> None:
        self._make = make
        self._most = most
        self._kept: OrderedDict[str, T] = OrderedDict()

    def of(self, target: str) -> T:
        found = self._kept.get(target)
        if found is None:
            if len(self._kept) >= self._most:
                self._kept.popitem(last=False)
            found = self._kept[target] = self._make()
        else:
            self._kept.move_to_end(target)
        return found

    def __iter__(self) -> Iterator[T]:
        return iter(self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

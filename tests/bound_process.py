"""A command whose processes all end with whoever started it, however that ends; `kill -9` included."""

from __future__ import annotations

from collections.abc import Sequence

_SCRIPT = 'exec 3<&0; { read -r _; kill -KILL 0; } <&3 >/dev/null 2>&1 & exec "$@" </dev/null 3<&-'


def bound(command: Sequence[str]) -> list[str]:
    """The command with a watcher beside it, which kills its process group when its standard input ends.

    Start it with `stdin=PIPE` and `start_new_session=True`, and write nothing: the system closes a pipe whose
    owner has died.
    """
    return ["sh", "-c", _SCRIPT, "sh", *command]

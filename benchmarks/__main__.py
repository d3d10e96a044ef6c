"""`python -m benchmarks`: all figures, or one suite's: `python -m benchmarks emulator create --rounds 3`.

Exits with 1 if a figure is missed, with 2 for a suite that does not exist.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

SUITES = ("emulator", "lanes")


def main(arguments: Sequence[str]) -> int:
    """Each suite is a process of its own, so that none measures in what another left behind."""
    suites, options = (arguments[:1], arguments[1:]) if arguments else (SUITES, ())
    if not set(suites) <= set(SUITES):
        print(f"{suites[0]} is no suite of benchmarks: name one of {', '.join(SUITES)}, or none for all")
        return 2
    commands = [[sys.executable, "-m", f"benchmarks.{suite}", *options] for suite in suites]
    return max(subprocess.run(command, check=False).returncode for command in commands)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

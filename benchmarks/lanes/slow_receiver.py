"""A process that answers every request 200 after as many milliseconds as its argument says."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from benchmarks.emulator.receiver import receiving


async def main(milliseconds: float) -> None:
    async with receiving() as receiver:
        receiver.delay = milliseconds / 1000
        print(f"ready url={receiver.url}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(float(sys.argv[1])))

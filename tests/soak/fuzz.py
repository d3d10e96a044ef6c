"""Ten thousand requests over gRPC, and ten thousand over REST, that no client should send."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.emulator.fuzz.aftermath import Fuzz, fuzz_and_look
from tests.emulator.fuzz.grpc_calls import fuzz_grpc
from tests.emulator.fuzz.rest_calls import fuzz_rest

CASES = 10_000


async def run_grpc(seed: int) -> str:
    """Returns what was done. Raises AssertionError with what was violated."""
    return await _run(fuzz_grpc, seed)


async def run_rest(seed: int) -> str:
    """As `run_grpc`."""
    return await _run(fuzz_rest, seed)


async def _run(fuzz: Fuzz, seed: int) -> str:
    with TemporaryDirectory() as folder:
        findings = await fuzz_and_look(Path(folder), fuzz, cases=CASES, seed=seed)
    return findings.told()

"""Some hundreds of requests over gRPC that no client should send; `make soak` sends ten thousand."""

from __future__ import annotations

from pathlib import Path

from tests.emulator.fuzz.aftermath import fuzz_and_look
from tests.emulator.fuzz.grpc_calls import fuzz_grpc


async def test_whatever_comes_over_grpc_is_answered_as_the_api_defines(tmp_path: Path) -> None:
    findings = await fuzz_and_look(tmp_path, fuzz_grpc, cases=600)
    assert "no violation" in findings.told()
    assert {status for _, status in findings.ends} >= {"OK", "INVALID_ARGUMENT", "NOT_FOUND"}

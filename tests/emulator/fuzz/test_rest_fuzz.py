"""Some hundreds of requests over REST, right and wrong ones; `make soak` sends ten thousand."""

from __future__ import annotations

from pathlib import Path

from tests.emulator.fuzz.aftermath import fuzz_and_look
from tests.emulator.fuzz.rest_calls import fuzz_rest


async def test_whatever_comes_over_rest_is_answered_as_the_api_defines(tmp_path: Path) -> None:
    findings = await fuzz_and_look(tmp_path, fuzz_rest, cases=400)
    assert "no violation" in findings.told()
    assert {status for _, status in findings.ends} >= {"200", "400", "404"}

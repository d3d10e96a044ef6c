"""The configuration by itself: `terraform test` with a provider that makes values up, and a scanner."""

from __future__ import annotations

import asyncio

import pytest

from tests.terraform.standin import PYTHON
from tests.terraform.terraform import ROOT, Terraform


@pytest.mark.timeout(120)
async def test_terraforms_own_tests_pass(terraform: Terraform) -> None:
    said = await terraform("test")
    assert "0 failed" in said.text
    assert "4 passed" in said.text


@pytest.mark.timeout(180)
async def test_the_scanner_finds_nothing(has_standin: bool) -> None:
    """Its rules know little of queues and Cloud Run; each skip is explained where it stands."""
    arguments = [
        "--directory",
        str(ROOT),
        "--framework",
        "terraform",
        "--skip-download",
        "--compact",
        "--quiet",
    ]
    process = await asyncio.create_subprocess_exec(
        str(PYTHON.with_name("checkov")),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()

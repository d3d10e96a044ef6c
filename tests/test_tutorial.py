"""The tutorial, done: its blocks make up a project of its own, whose tests a pytest of its own runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY.joinpath("docs/tutorial.md").read_text(encoding="utf-8")
BLOCKS = dict(
    re.findall(r"^\*\*`([\w.]+)`\*\*\n\n```(?:python|yaml)\n(.*?)```$", PAGE, re.DOTALL | re.MULTILINE)
)
INI = """
[pytest]
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    ignore:You are using a Python version.*:FutureWarning
"""
pytest_plugins = ["pytester"]


def test_every_block_has_a_file() -> None:
    assert len(BLOCKS) == PAGE.count("```") // 2


def test_the_tests_of_the_tutorial_pass(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    catalog = REPOSITORY.joinpath("infra/terraform/queues.yaml").read_text(encoding="utf-8")
    for name, block in BLOCKS.items():
        text = catalog.replace("\nqueues:\n", f"\nqueues:\n{block}\n") if name == "queues.yaml" else block
        pytester.path.joinpath(name).write_text(text, encoding="utf-8")
    pytester.makeini(INI)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120)
    tests = sum(block.count("def test_") for name, block in BLOCKS.items() if name.startswith("test_"))
    more_rows = 2  # of the one test that has three
    result.assert_outcomes(passed=tests + more_rows)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)", PAGE))))
def test_what_it_points_to_is_there(path: str) -> None:
    assert REPOSITORY.joinpath("docs", path).exists()


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in re.findall(r"`((?:contracts|handlers|infra|examples|tests|stores|docs)/[\w./-]*)`", PAGE)
        if "NAME" not in path
    ],
)
def test_the_places_that_it_names_are_there(path: str) -> None:
    assert REPOSITORY.joinpath(path).exists()

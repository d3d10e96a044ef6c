"""The house rules that no linter knows: small files, each saying first what it is."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
MAX_LINES = 300

LONGER: dict[str, str] = {}
"""Files that are allowed more lines, each with the reason why it is better whole."""

PACKAGES = (
    *tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "root_packages"
    ],
    "tests",
    "benchmarks",
)
FILES = [
    path.relative_to(REPOSITORY).as_posix()
    for package in PACKAGES
    for path in sorted((REPOSITORY / package).rglob("*.py"))
]


def source(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_files_are_small_or_say_why_not() -> None:
    longer = {name for name in FILES if len(source(name).splitlines()) > MAX_LINES}
    assert longer - LONGER.keys() == set(), f"split it, or list it with a reason in {Path(__file__).name}"
    assert LONGER.keys() - longer == set(), "is short again: take it off the list"
    assert all(LONGER.values())


@pytest.mark.parametrize("name", [name for name in FILES if source(name)])
def test_a_module_first_says_what_it_is(name: str) -> None:
    text = source(name)
    assert ast.get_docstring(ast.parse(text)), "the first statement is a docstring"
    assert text.startswith('"""'), "the docstring stands on the first line"

"""Every package says exactly which of its names are public."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def packages() -> Iterator[str]:
    """Every package of ours whose `__init__.py` says something."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    for root in project["tool"]["importlinter"]["root_packages"]:
        for path in sorted((REPOSITORY / root).rglob("__init__.py")):
            if path.stat().st_size:
                yield ".".join(path.parent.relative_to(REPOSITORY).parts)


def statements(module: ast.Module) -> Iterator[ast.stmt]:
    """Those of the module, and the imports for type checkers of a package that loads its names when asked."""
    for node in module.body:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):
                yield from body
            case _:
                yield node


def offered_names(package: str) -> set[str]:
    """The names that `__init__.py` defines, or takes from the package's own modules."""
    source = REPOSITORY.joinpath(*package.split("."), "__init__.py").read_text(encoding="utf-8")
    names: set[str] = set()
    for node in statements(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str(module), names=aliases) if module.startswith(f"{package}."):
                names.update(alias.asname or alias.name for alias in aliases)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return {name for name in names if not name.startswith("_")}


def in_order(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then functions: the order that the linter sorts by."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("package", list(packages()))
def test_the_public_names_are_exact_sorted_and_there(package: str) -> None:
    module = import_module(package)
    public = getattr(module, "__all__", ())
    assert list(public) == sorted(set(public), key=in_order)
    assert set(public) == offered_names(package)
    assert all(hasattr(module, name) for name in public)

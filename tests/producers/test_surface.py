"""What the package shows to the outside, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import producers


def test_the_public_names_are_sorted_and_there() -> None:
    constants_and_classes = [name for name in producers.__all__ if name[0].isupper()]
    functions = [name for name in producers.__all__ if not name[0].isupper()]
    assert list(producers.__all__) == sorted(constants_and_classes) + sorted(functions)
    assert all(callable(getattr(producers, name)) for name in producers.__all__)


def test_every_error_is_public_and_in_one_tree() -> None:
    from producers import errors

    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert defined == {
        name for name in producers.__all__ if issubclass_of_producer_error(getattr(producers, name))
    }
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in defined)


def issubclass_of_producer_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, producers.ProducerError)


def test_importing_producers_needs_no_web_framework() -> None:
    program = "import sys, producers, producers.testing; print({'fastapi', 'starlette'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    assert done.stdout.strip() == "set()"

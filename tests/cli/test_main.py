"""`sidelane` itself: its commands, and that one does not load the others."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cli.main import app


def test_help_names_every_command_with_its_purpose() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in ("dead", "endpoints", "reconcile", "schemas", "up"):
        assert command in result.output
    assert "Run Cloud Tasks and Pub/Sub on this machine" in result.output


@pytest.mark.parametrize("arguments", [["up", "--help"], ["dead", "--help"], ["dead", "list", "--help"]])
def test_commands_and_their_commands_have_help(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert f"Usage: sidelane {' '.join(arguments[:-1])}" in result.output


def test_an_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(app, ["fly"])
    assert result.exit_code == 2
    assert "No such command 'fly'" in result.output


def test_naming_the_commands_loads_none() -> None:
    code = (
        "import sys, cli.main; sys.exit(any(name in sys.modules for name in ('cli.up', 'emulator', 'grpc')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_command_whose_extra_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cli.up", raising=False)
    monkeypatch.setitem(sys.modules, "emulator", None)
    result = CliRunner().invoke(app, ["up", "--data", "x"])
    assert result.exit_code == 2
    assert "`sidelane up` needs the module emulator: install sidelane[emulator]" in result.output
    assert "dead" in CliRunner().invoke(app, ["--help"]).output

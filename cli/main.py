"""`sidelane`: names the commands and loads the one that is called; it does nothing itself."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

_COMMANDS = {
    "dead": "cli.dead:app",
    "demo": "cli.demo:demo",
    "schemas": "cli.schemas:schemas",
    "up": "cli.up:up",
}
"""Command to `module:name`, where the name is a typer app or a function."""


class _LoadedWhenCalled(TyperGroup):
    """Imports a command's module when it is called, so that one command does not wait for all the others."""

    def list_commands(self, _context: Any) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, _context: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), name)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False)
            found.command(cmd_name)(function)
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="sidelane",
    cls=_LoadedWhenCalled,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def sidelane() -> None:
    """Typed, durable side effects for async Python backends on Google Cloud."""


if __name__ == "__main__":
    app()

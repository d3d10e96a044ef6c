"""`sidelane`: names the commands and loads the one that is called; it does nothing itself."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

_COMMANDS = {
    "apps": "cli.apps:app",
    "blobs": "cli.blobs:app",
    "dead": "cli.dead:app",
    "demo": "cli.demo:demo",
    "endpoints": "cli.endpoints:app",
    "erase": "cli.erase:erase",
    "queues": "cli.queues:app",
    "reconcile": "cli.reconcile:reconcile",
    "schemas": "cli.schemas:schemas",
    "serve": "cli.serve:serve",
    "up": "cli.up:up",
}
"""Command to `module:name`, where the name is a typer app or a function."""

_EXTRAS = {
    "apps": "handlers",
    "blobs": "handlers",
    "dead": "handlers",
    "demo": "emulator,handlers",
    "endpoints": "handlers",
    "erase": "handlers",
    "queues": "handlers",
    "reconcile": "handlers",
    "serve": "handlers",
    "up": "emulator",
}
"""What a command needs beside the base, as extras of the package."""


class _LoadedWhenCalled(TyperGroup):
    """Imports a command's module when it is called, so that one command does not wait for all the others."""

    def list_commands(self, _context: Any) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, _context: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        try:
            found = getattr(import_module(module), name)
        except ModuleNotFoundError as exc:
            found = _not_installed(cmd_name, exc)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False)
            found.command(cmd_name)(function)
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command


def _not_installed(command: str, error: ModuleNotFoundError) -> typer.Typer:
    """Stands for a command whose extra is not installed, so that the others and the help still work."""
    remedy = f"install sidelane[{_EXTRAS.get(command, 'dev')}]"
    stub = typer.Typer(add_completion=False)

    @stub.command(
        command,
        help=f"Not installed: {remedy}.",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def refuse() -> None:
        typer.echo(f"`sidelane {command}` needs the module {error.name}: {remedy}", err=True)
        raise typer.Exit(2)

    return stub


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

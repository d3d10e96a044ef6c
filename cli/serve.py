"""`sidelane serve`: runs one of the services as a container does; each is made in its own package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn

GRACE_SECONDS = 8
"""For requests under way after a SIGTERM: Cloud Run kills a process 10 s after it."""


def serve(
    service: Annotated[str, typer.Argument(help="backend, handlers or dead-letters.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="PORT", min=0, max=65535, help="Port to listen on; Cloud Run sets PORT.")
    ] = 8080,
) -> None:
    """Run a service until SIGTERM or Ctrl-C, with what the SIDELANE_* variables say."""
    found = _SERVICES.get(service)
    if found is None:
        raise typer.BadParameter(f"there is no service {service!r}; there are: {', '.join(_SERVICES)}")
    app, is_factory = found()
    uvicorn.run(
        app,
        factory=is_factory,
        host=host,
        port=port,
        access_log=False,  # a line for each task is the handlers' own to write
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _dead_letters() -> tuple[Any, bool]:
    """The function's own framework makes the app of its file."""
    import functions_framework.aio

    source = Path(__file__).parents[1] / "handlers" / "dead_letters" / "function.py"
    return functions_framework.aio.create_asgi_app("dead_letter", str(source)), False


_SERVICES: dict[str, Callable[[], tuple[Any, bool]]] = {
    "backend": lambda: ("producers.app:create_app", True),
    "handlers": lambda: ("handlers.app:create_app", True),
    "dead-letters": _dead_letters,
}
"""The ASGI application of each, and whether it is a factory."""

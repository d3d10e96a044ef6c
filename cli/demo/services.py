"""The services of the demo: the command, address and environment of each. It starts none of them."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from cli.demo.errors import UnexpectedAnswer
from cli.demo.processes import Command, Probe, Process, Service
from stores import Endpoint

PROJECT = "sidelane-local"
LOCATION = "us-central1"
REPOSITORY = Path(__file__).resolve().parents[2]
QUEUES = REPOSITORY / "examples" / "queues.yaml"
CONVERSATIONS = REPOSITORY / "examples" / "conversations.jsonl"

_SIDELANE = str(Path(sys.executable).with_name("sidelane"))
_FUNCTION = REPOSITORY / "handlers" / "dead_letters" / "function.py"
_READY = re.compile(r"^ready tasks=(?P<tasks>\S+) pubsub=(?P<pubsub>\S+) http=(?P<http>\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorAddresses:
    """Where the emulator listens, each as HOST:PORT."""

    tasks: str
    pubsub: str
    http: str

    @classmethod
    async def of(cls, emulator: Process) -> EmulatorAddresses:
        """Read them from what the emulator said. Raises `UnexpectedAnswer` where it has not yet."""
        said = _READY.search(await emulator.output())
        if said is None:
            raise UnexpectedAnswer(f"{emulator.log} has no line 'ready tasks=… pubsub=… http=…'")
        return cls(**said.groupdict())


def _free_address() -> str:
    """An address that nobody listens at; whoever is to listen there has to be quick."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host, port = probe.getsockname()
    return f"{host}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """How each service of one run is started; all keep what they keep in the folder `data`."""

    data: Path
    handlers: str = field(default_factory=_free_address)
    backend: str = field(default_factory=_free_address)
    dead_letters: str = field(default_factory=_free_address)

    @property
    def database(self) -> Path:
        return self.data / "stores.sqlite3"

    def emulator_service(self) -> Service:
        argv = [_SIDELANE, "up", "--data", str(self.data / "emulator"), "--queues", str(QUEUES)]
        argv += ["--tasks-port", "0", "--pubsub-port", "0", "--http-port", "0"]
        argv += ["--project", PROJECT, "--location", LOCATION]
        argv += ["--dead-letter-url", f"http://{self.dead_letters}/"]
        argv += ["--handlers-url", f"http://{self.handlers}"]
        return Service(name="emulator", argv=argv, environment=self._settings(), ready=_said_ready)

    def handlers_service(self, emulator: EmulatorAddresses, client: httpx.AsyncClient) -> Service:
        return self._uvicorn("handlers", "handlers.app:create_app", self.handlers, emulator, client)

    def backend_service(self, emulator: EmulatorAddresses, client: httpx.AsyncClient) -> Service:
        return self._uvicorn("backend", "producers.app:create_app", self.backend, emulator, client)

    def dead_letters_service(self, emulator: EmulatorAddresses, client: httpx.AsyncClient) -> Service:
        host, _, port = self.dead_letters.rpartition(":")
        argv = [sys.executable, "-m", "functions_framework", "--asgi", "--target", "dead_letter"]
        argv += ["--source", str(_FUNCTION), "--host", host, "--port", port]
        ready = _answers(f"http://{self.dead_letters}/", client)
        return Service(name="dead-letters", argv=argv, environment=self._environment(emulator), ready=ready)

    def enable_command(self, endpoint: Endpoint, emulator: EmulatorAddresses) -> Command:
        argv = [_SIDELANE, "endpoints", "enable", endpoint.uid, endpoint.kind, "--no-recover"]
        return Command(name="enable", argv=argv, environment=self._environment(emulator))

    def replay_command(self, emulator: EmulatorAddresses) -> Command:
        argv = [_SIDELANE, "dead", "replay", "--all"]
        return Command(name="replay", argv=argv, environment=self._environment(emulator))

    def _environment(self, emulator: EmulatorAddresses) -> Mapping[str, str]:
        """What a process needs to know to find the others."""
        return {
            **self._settings(),
            "CLOUD_TASKS_EMULATOR_HOST": emulator.tasks,
            "PUBSUB_EMULATOR_HOST": emulator.pubsub,
            "SIDELANE_OIDC_CERTS_URL": f"http://{emulator.http}/oauth2/v1/certs",
        }

    def _settings(self) -> Mapping[str, str]:
        return {
            "SIDELANE_PROJECT": PROJECT,
            "SIDELANE_LOCATION": LOCATION,
            "SIDELANE_QUEUES_FILE": str(QUEUES),
            "SIDELANE_DATABASE": str(self.database),
            "SIDELANE_BLOBS": str(self.database.with_name("blobs")),
            "SIDELANE_HANDLERS_URL": f"http://{self.handlers}",
            "SIDELANE_DEAD_LETTER_URL": f"http://{self.dead_letters}/",
            "SIDELANE_EGRESS_ALLOW": "127.0.0.0/8",
            "SIDELANE_TRUSTS_CALLERS": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def _uvicorn(
        self, name: str, factory: str, address: str, emulator: EmulatorAddresses, client: httpx.AsyncClient
    ) -> Service:
        host, _, port = address.rpartition(":")
        argv = [sys.executable, "-m", "uvicorn", factory, "--factory", "--host", host, "--port", port]
        argv += ["--no-access-log", "--timeout-graceful-shutdown", "2"]
        ready = _answers(f"http://{address}/healthz", client)
        return Service(name=name, argv=argv, environment=self._environment(emulator), ready=ready)


def _answers(url: str, client: httpx.AsyncClient) -> Probe:
    async def probe(_: Process) -> bool:
        try:
            return (await client.get(url)).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    return probe


async def _said_ready(emulator: Process) -> bool:
    return _READY.search(await emulator.output()) is not None

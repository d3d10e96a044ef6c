"""Google's own Firestore emulator, started once for all tests that need it, and stopped with its children."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

from stores.firestore import FirestoreStores, open_firestore
from tests.bound_process import bound

VARIABLE = "FIRESTORE_EMULATOR_HOST"
START_UP = 45.0
"""Seconds; a JVM on a machine that is busy with other tests."""
DEADLINE = 30.0
"""Seconds of a call: the first answers take as long as the JVM needs to warm up."""
READY = "Dev App Server is now running"
REMEDY = (
    "install gcloud, java and `gcloud components install cloud-firestore-emulator`, "
    f"or set {VARIABLE} to a running one"
)


class NotInstalled(Exception):
    """What is missing, and how to get it."""


@dataclass(frozen=True, slots=True)
class Firestore:
    """A project and databases of it, all of them empty."""

    host: str
    name: str
    """Of the project, and fit for one of a database too."""

    def open(self, deadline: float = DEADLINE) -> AbstractAsyncContextManager[FirestoreStores]:
        """The stores in it; its data are the same each time, as another process would find them."""
        return open_firestore(project=self.name, database="(default)", emulator=self.host, deadline=deadline)


@contextmanager
def firestore_emulator() -> Iterator[str]:
    """HOST:PORT of a running emulator: the one that the environment names, or one that ends with the block.

    Raises:
        NotInstalled: there is none.
        RuntimeError: it did not start; the message has what it said.
    """
    if host := os.environ.get(VARIABLE):
        yield host
        return
    gcloud = shutil.which("gcloud")
    if gcloud is None or shutil.which("java") is None:
        raise NotInstalled(f"Google's Firestore emulator is not installed: {REMEDY}")
    host = f"127.0.0.1:{_free_port()}"
    process = subprocess.Popen(
        bound([gcloud, "emulators", "firestore", "start", f"--host-port={host}"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # gcloud starts a shell, which starts java: one group to stop them all
    )
    output = _Output(process)
    try:
        output.wait_until_ready()
        _warm_up(host)
        yield host
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
        output.wait_until_closed()


class _Output:
    """What the emulator says: read as long as it runs, since a pipe that is full would stop it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._said: list[str] = []
        self._came_up: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._read, name="firestore-emulator-output", daemon=True)
        self._thread.start()

    def wait_until_ready(self) -> None:
        if self._came_up.get(timeout=START_UP):
            return
        said = "".join(self._said)
        if "component" in said and "install" in said:
            raise NotInstalled(f"Google's Firestore emulator is not installed: {REMEDY}; gcloud says: {said}")
        raise RuntimeError(f"the Firestore emulator did not start: {said}")

    def wait_until_closed(self) -> None:
        self._thread.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        ready = False
        with self._process.stdout as lines:
            for line in lines:
                if ready:
                    continue
                self._said.append(line)
                if READY in line:
                    ready = True
                    self._came_up.put(True)
        self._came_up.put(False)


def _warm_up(host: str) -> None:
    """Its first answers take seconds, which tests with the deadlines of production do not have."""
    documents = f"http://{host}/v1/projects/warm-up/databases/(default)/documents"
    name = documents.partition("/v1/")[2] + "/c/d"
    for path, body in (
        ("/c?documentId=d", {"fields": {"a": {"integerValue": "1"}}}),
        (":commit", {"writes": [{"delete": name, "currentDocument": {"exists": True}}]}),
        (":runQuery", {"structuredQuery": {"from": [{"collectionId": "c"}]}}),
    ):
        headers = {"Content-Type": "application/json", "Authorization": "Bearer owner"}
        request = urllib.request.Request(documents + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=START_UP) as answer:
            answer.read()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port

"""Names what can go wrong in the emulator; it decides nothing about what happens next.

EmulatorError
├── StoreError             the database could not be opened, or a commit failed
│   └── StoreClosedError   the store was used before open() or after aclose()
├── PortInUseError         a port of the emulator is taken
├── NotIdleError           something still waits when a drain ends
├── NoTargetError          a task cannot be dispatched: nothing says where it goes
├── RestError              a request over HTTP is refused before it is a call
└── ApiError               a call is answered with a status other than OK
    └── InvalidArgumentError
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import grpc
from google.protobuf.message import Message


class EmulatorError(Exception):
    """Base of every error of the emulator."""


class StoreError(EmulatorError):
    """The database could not be opened or a commit failed; the message carries SQLite's reason."""


class StoreClosedError(StoreError):
    """The store is not open. Await `open()` first and stop using it before `aclose()`."""

    def __init__(self) -> None:
        super().__init__("the store is not open: await open() first, and stop using it before aclose()")


class PortInUseError(EmulatorError):
    """A port is taken by another process. Choose another one, or 0 for any free one."""

    def __init__(self, service: str, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"cannot listen on {host}:{port} for {service} ({reason}): "
            f"stop the process that holds it, or choose another port (0 takes any free one)"
        )


class NotIdleError(EmulatorError):
    """A drain ended before everything was done. The message names what still waits, the first ten of it."""

    def __init__(self, reason: str, left: Sequence[str]) -> None:
        named = "; ".join(left[:10]) + ("; and more" if len(left) > 10 else "")
        super().__init__(f"{reason}: {named}. Let targets answer, move the clock on, or wait longer")


class NoTargetError(EmulatorError):
    """Nothing says where a task goes; the message names what to set. It goes again as after a failure."""


class RestError(EmulatorError):
    """A request over HTTP that no call is: too large, too slow, on an unknown path, or with a wrong verb.

    `status` is the word of Google's JSON error; `headers` go along with the answer.
    """

    def __init__(
        self, http_status: int, status: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


class ApiError(EmulatorError):
    """The answer to a call that fails, as the real service words it.

    `details` are the messages of google.rpc.error_details that go along (most errors have none).
    """

    def __init__(self, code: grpc.StatusCode, message: str, details: Sequence[Message] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = tuple(details)


class InvalidArgumentError(ApiError):
    """The call itself is wrong; the message says which field and what it may be."""

    def __init__(self, message: str, details: Sequence[Message] = ()) -> None:
        super().__init__(grpc.StatusCode.INVALID_ARGUMENT, message, details)

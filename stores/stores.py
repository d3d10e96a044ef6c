"""Everything that is remembered, opened together: what each kind of storage has to offer. The protocol."""

from __future__ import annotations

from typing import Protocol

from stores.apps import Apps
from stores.dead_letters import DeadLetters
from stores.devices import Devices
from stores.directory import Directory
from stores.grants import Grants
from stores.ledger import Ledger
from stores.places import Places
from stores.speech import SpeechResults
from stores.targets import TargetStates


class Stores(Protocol):
    """The open stores of one place; each kind of storage has a value of this shape."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def directory(self) -> Directory: ...

    @property
    def devices(self) -> Devices: ...

    @property
    def dead_letters(self) -> DeadLetters: ...

    @property
    def targets(self) -> TargetStates: ...

    @property
    def speech(self) -> SpeechResults: ...

    @property
    def places(self) -> Places: ...

    @property
    def apps(self) -> Apps: ...

    @property
    def grants(self) -> Grants: ...

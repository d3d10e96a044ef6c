"""The geocoding side effect: find the address of a point, and the name of that event. Pure."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from contracts.identity import identity_of
from contracts.task import Task


class Coordinates(BaseModel):
    """A point on earth, WGS 84, in degrees."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)

    def cell(self) -> str:
        """The point rounded to 3 decimals (about 100 m): points of one cell have one address."""
        return self.rounded(3)

    def rounded(self, decimals: int) -> str:
        """`latitude,longitude`, equal for equal points: there is no minus zero."""
        return ",".join(
            f"{round(degrees, decimals) + 0.0:.{decimals}f}" for degrees in (self.latitude, self.longitude)
        )


class Geocode(Task):
    """Find the address of where a conversation was, and attach it to the conversation."""

    name: ClassVar[str] = "geocode"
    queue: ClassVar[str] = "geocoding"

    uid: str = Field(min_length=1, max_length=128)
    conversation_id: str = Field(min_length=1, max_length=128)
    at: Coordinates
    revision: int = Field(default=0, ge=0)
    """Raised when the conversation was moved: the highest one stands, in whatever order they are handled."""

    def identity(self) -> str:
        """Named to 6 decimals (about 0.1 m): what differs by less is the same point told again."""
        return identity_of(self.uid, self.conversation_id, self.at.rounded(6), self.revision)

    def target(self) -> str:
        """The service takes all points alike: it is away, or over its quota, for all of them."""
        return "google-geocoding"

    def owner(self) -> str:
        return self.uid

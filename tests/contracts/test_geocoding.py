"""Coordinates that exist, and which of them are one event and one address."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from contracts import Coordinates, Geocode


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latitude", 90.000001),
        ("latitude", -91),
        ("longitude", 180.1),
        ("longitude", -180.1),
        ("latitude", float("nan")),
        ("longitude", float("inf")),
        ("latitude", None),
        ("longitude", "east"),
    ],
)
def test_coordinates_that_do_not_exist_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        Coordinates.model_validate({"latitude": 0, "longitude": 0, field: value})


def test_the_poles_and_the_date_line_exist() -> None:
    assert Coordinates(latitude=-90, longitude=180).cell() == "-90.000,180.000"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((52.5204, 13.4049), (52.5196, 13.4051), True),
        ((52.5204, 13.4049), (52.5206, 13.4049), False),
        ((0.0001, -0.0001), (-0.0001, 0.0001), True),
    ],
)
def test_points_of_one_cell_have_one_address(
    one: tuple[float, float], other: tuple[float, float], *, same: bool
) -> None:
    cells = {
        Coordinates(latitude=latitude, longitude=longitude).cell() for latitude, longitude in (one, other)
    }
    assert (len(cells) == 1) is same


def geocode(conversation: str = "c", latitude: float = 52.52, revision: int = 0) -> Geocode:
    at = Coordinates(latitude=latitude, longitude=13.405)
    return Geocode(uid="u", conversation_id=conversation, at=at, revision=revision)


def test_an_identity_names_conversation_point_and_revision() -> None:
    assert geocode().identity() == geocode(latitude=52.52000004).identity()
    others = (geocode("d"), geocode(latitude=52.520001), geocode(revision=1))
    assert len({geocode().identity(), *(other.identity() for other in others)}) == 4


def test_it_says_whose_data_it_is() -> None:
    assert geocode().owner() == "u"

"""The JSON Schema of a catalog file: what an editor takes and refuses without our loader."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from contracts.catalog import file_schema
from tests.contracts.catalogs import Document, put

TERRAFORM = Path(__file__).parents[2] / "infra/terraform"


def test_the_schema_takes_the_catalog_of_this_repository() -> None:
    jsonschema.validate(
        yaml.safe_load((TERRAFORM / "queues.yaml").read_text(encoding="utf-8")), file_schema()
    )


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("rate_limits.max_dispatches_per_second", 501),
        ("retry.max_attempts", 5),
        ("delivery.schedule", []),
        ("delivery.age_limit", "25d"),
        ("dead_letter_topic", "9 lives"),
        ("name", "letters"),
        ("speed", 1),
    ],
)
def test_the_schema_refuses_what_it_can_see(document: Document, place: str, value: object) -> None:
    jsonschema.validate(document, file_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(put(document, place, value), file_schema())


def test_the_schema_refuses_the_name_of_a_sibling(document: Document) -> None:
    document["queues"]["letters-retry"] = {"dead_letter_topic": "letters-dead"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, file_schema())

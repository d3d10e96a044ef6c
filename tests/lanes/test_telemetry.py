"""The metrics: one table, each shown with its labels, and nothing shown that the table does not tell of."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lanes import READ, TOLD, Sample, Telemetry


def shown(telemetry: Telemetry) -> dict[str, dict[tuple[str, ...], float]]:
    """Metric to labels' values, in the table's order, to number; of histograms, their counts."""
    families = text_string_to_metric_families(telemetry.exposition().decode())
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families:
        for sample in family.samples:
            if sample.name.endswith(("_created", "_bucket", "_sum")):
                continue
            labels = {**TOLD, **READ}[family.name].labels
            place = tuple(sample.labels[label] for label in labels)
            found.setdefault(family.name, {})[place] = sample.value
    return found


def test_each_metric_of_the_table_is_exposed_with_its_kind() -> None:
    kinds = {
        family.name: family.type
        for family in text_string_to_metric_families(Telemetry().exposition().decode())
    }
    assert kinds == {name: row.kind for name, row in {**TOLD, **READ}.items()}


def test_a_name_is_in_one_table_only_and_says_its_unit() -> None:
    assert not TOLD.keys() & READ.keys()
    for name, row in {**TOLD, **READ}.items():
        assert row.meaning.endswith((".", "time.")), name
        assert bool(row.buckets) == (row.kind == "histogram"), name
        if row.kind == "histogram":
            assert name.endswith("_seconds"), name


def test_what_is_read_is_what_is_now() -> None:
    telemetry = Telemetry()
    now = 3
    telemetry.read(lambda: [Sample("sidelane_lane_in_flight", ("webhooks",), now)])
    telemetry.read(lambda: [Sample("sidelane_lane_in_flight", ("maps",), 1)])
    assert shown(telemetry)["sidelane_lane_in_flight"] == {("webhooks",): 3, ("maps",): 1}
    now = 5
    assert shown(telemetry)["sidelane_lane_in_flight"] == {("webhooks",): 5, ("maps",): 1}


def test_a_sample_that_the_table_does_not_tell_of_is_a_fault() -> None:
    telemetry = Telemetry()
    telemetry.read(lambda: [Sample("sidelane_surprise", (), 1)])
    with pytest.raises(KeyError, match="sidelane_surprise"):
        telemetry.exposition()

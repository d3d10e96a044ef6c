"""A bad queue catalog: the message names file, queue, field, value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts import CatalogError, Task, TaskRegistry, load_catalog
from tests.contracts.catalogs import Document, Write, put

ONE_TO_25_DAYS = "must be >= 1s and <= 2160000s"
A_DURATION = 'must be a duration in seconds such as "90s" or "0.5s"'


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        ("rate_limits.max_dispatches_per_second", 501, "501 is not allowed: must be > 0 and <= 500"),
        ("rate_limits.max_dispatches_per_second", 0, "0 is not allowed: must be > 0 and <= 500"),
        ("rate_limits.max_concurrent_dispatches", 5001, "5001 is not allowed: must be >= 1 and <= 5000"),
        ("retry_rate_limits.max_concurrent_dispatches", 0, "0 is not allowed: must be >= 1 and <= 5000"),
        ("rate_limits.max_concurrent_dispatches", 1.5, "1.5 is not allowed: Input should be a valid integer"),
        (
            "rate_limits.max_concurrent_dispatches",
            True,
            "True is not allowed: Input should be a valid integer",
        ),
        (
            "rate_limits.max_dispatches_per_second",
            "64",
            "'64' is not allowed: Input should be a valid number",
        ),
        ("retry.max_attempts", 5, "5 is not allowed: Input should be -1"),
        ("retry.min_backoff", "0.01s", "0.01s is not allowed: must be >= 0.1s and <= 3600s"),
        ("retry.max_backoff", "3601s", "3601s is not allowed: must be >= 0.1s and <= 3600s"),
        ("retry.max_doublings", 17, "17 is not allowed: must be >= 1 and <= 16"),
        ("delivery.max_attempts", 0, "0 is not allowed: must be >= 1 and <= 100"),
        ("delivery.schedule", [], "[] is not allowed: Tuple should have at least 1 item"),
        ("delivery.jitter", 1, "1 is not allowed: must be >= 0 and < 1"),
        ("delivery.jitter", float("nan"), "nan is not allowed: must be >= 0 and < 1"),
        ("delivery.bug_attempts", 101, "101 is not allowed: must be >= 1 and <= 100"),
        ("delivery.max_starts", 1, "1 is not allowed: must be >= 2 and <= 100"),
        ("delivery.age_limit", "2160001s", f"2160001s is not allowed: {ONE_TO_25_DAYS}"),
        ("delivery.age_limit", "25d", f"'25d' is not allowed: {A_DURATION}"),
        ("delivery.age_limit", 90, f"90 is not allowed: {A_DURATION}"),
        ("delivery.age_limit", "9" * 30 + "s", f"'{'9' * 30}s' is not allowed: {A_DURATION}"),
        ("delivery.skew_age", "0s", f"0s is not allowed: {ONE_TO_25_DAYS}"),
        ("delivery.skew_delay", "3601s", "3601s is not allowed: must be >= 1s and <= 3600s"),
        ("delivery.deadline", "0.05s", "0.05s is not allowed: must be >= 0.1s and <= 1740s"),
        ("delivery.realtime", "yes", "'yes' is not allowed: Input should be a valid boolean"),
        ("delivery.max_concurrent_per_target", 0, "0 is not allowed: must be >= 1 and <= 5000"),
        ("delivery.max_per_second_per_target", 0, "0 is not allowed: must be > 0 and <= 500"),
        ("delivery.breaker_failures", 0, "0 is not allowed: must be >= 1 and <= 1000"),
        ("delivery.slow_after", "0.01s", "'0.01s' is not allowed: must be >= 0.1s and <= 1740s"),
        ("delivery.max_concurrent_when_slow", 0, "0 is not allowed: must be >= 1 and <= 5000"),
        ("delivery.disable_after", "0.5s", "'0.5s' is not allowed: must be >= 1s and <= 2592000s"),
        ("delivery.disable_after", "2592001s", "'2592001s' is not allowed: must be >= 1s and <= 2592000s"),
        ("delivery.disable_after", 5, '5 is not allowed: must be a duration in seconds such as "90s"'),
        ("delivery.breaker_open_for", "0.05s", "0.05s is not allowed: must be >= 0.1s and <= 3600s"),
        ("delivery.max_dispatches", 99, "99 is not allowed: must be >= 100 and <= 100000"),
        ("delivery.exclusive", "yes", "'yes' is not allowed: Input should be a valid boolean"),
        ("delivery", None, "None is not allowed: must be a mapping of fields"),
        ("dispatch_deadline", "14s", "14s is not allowed: must be >= 15s and <= 1800s"),
        ("inline_limit_bytes", 1_000_001, "1000001 is not allowed: must be >= 1024 and <= 1000000"),
        ("dead_letter_topic", "9 lives", "'9 lives' is not allowed: String should match pattern"),
        ("dead_letter_topic", 7, "7 is not allowed: Input should be a valid string"),
        ("name", "letters", "'letters' is not allowed: the key under queues is the queue's name"),
        (
            "speed",
            1,
            "is unknown; known are: blob_limit_bytes, blob_retention, dead_letter_retention, ",
        ),
        (
            "rate_limits.burst",
            1,
            "is unknown; known are: max_concurrent_dispatches, max_dispatches_per_second",
        ),
    ],
)
def test_a_bad_field_is_named_with_its_file_queue_value_and_range(
    document: Document, write: Write, place: str, value: object, complaint: str
) -> None:
    path = write(put(document, place, value))
    with pytest.raises(CatalogError) as caught:
        load_catalog(path)
    assert str(caught.value).startswith(f"{path}: queue 'letters': field '{place}': {complaint}")


def test_a_bad_item_of_a_schedule_is_named_by_its_place(document: Document, write: Write) -> None:
    path = write(put(document, "delivery.schedule", ["1s", "2160001s"]))
    with pytest.raises(CatalogError) as caught:
        load_catalog(path)
    assert str(caught.value) == (
        f"{path}: queue 'letters': field 'delivery.schedule.1': "
        "'2160001s' is not allowed: must be >= 0s and <= 2160000s"
    )


def test_every_fault_of_a_queue_is_told_at_once(document: Document, write: Write) -> None:
    bad = put(put(document, "delivery.max_attempts", 0), "dispatch_deadline", "1s")
    with pytest.raises(CatalogError) as caught:
        load_catalog(write(bad))
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "delivery.max_attempts" in lines[0]
    assert "dispatch_deadline" in lines[1]


def test_a_bad_default_is_told_with_the_queue_that_takes_it(document: Document, write: Write) -> None:
    document["defaults"]["delivery"]["jitter"] = 2
    with pytest.raises(CatalogError, match=r"queue 'letters': field 'delivery\.jitter': 2 is not allowed"):
        load_catalog(write(document))


@pytest.mark.parametrize("place", ["retry", "delivery.deadline"])
def test_a_missing_field_is_named_with_the_remedy(document: Document, write: Write, place: str) -> None:
    *parents, field = place.split(".")
    block = document["defaults"]
    for parent in parents:
        block = block[parent]
    del block[field]
    path = write(document)
    with pytest.raises(CatalogError) as caught:
        load_catalog(path)
    assert str(caught.value) == (
        f"{path}: queue 'letters': field '{place}': is missing; set it for the queue or under defaults"
    )


def test_times_must_add_up(document: Document, write: Write) -> None:
    load_catalog(write(put(document, "delivery.deadline", "45s")))
    path = write(put(document, "delivery.deadline", "46s"))
    with pytest.raises(CatalogError) as caught:
        load_catalog(path)
    assert str(caught.value) == (
        f"{path}: queue 'letters': dispatch_deadline must be at least 61s: "
        "claim 5s, delivery.deadline 46s and settle 10s"
    )


def test_blobs_must_outlive_their_tasks(document: Document, write: Write) -> None:
    allowed = put(put(document, "blob_retention", "608400s"), "blob_limit_bytes", 1)
    load_catalog(write(allowed))
    short = put(allowed, "blob_retention", "608399s")
    with pytest.raises(CatalogError) as caught:
        load_catalog(write(short))
    assert str(caught.value).endswith(
        "queue 'letters': blob_retention must be at least 608400s: delivery.age_limit 3600s, and 604800s in "
        "which a dead letter may arrive"
    )
    load_catalog(write(put(short, "blob_limit_bytes", 0)))  # a queue without blobs keeps none


def test_dead_letters_must_keep_their_blobs_as_long_as_tasks_do(document: Document, write: Write) -> None:
    document = put(document, "blob_limit_bytes", 1)
    with pytest.raises(CatalogError, match="dead_letter_retention must be at least blob_retention, 1209600s"):
        load_catalog(write(put(document, "dead_letter_retention", "1209599s")))


def test_backoffs_must_be_in_order(document: Document, write: Write) -> None:
    with pytest.raises(CatalogError, match=r"field 'retry': .* min_backoff must be at most max_backoff"):
        load_catalog(write(put(document, "retry.min_backoff", "301s")))


@pytest.mark.parametrize("name", ["a_b", "a.b", "", "q" * 95])
def test_a_queue_needs_a_name_that_cloud_tasks_takes(document: Document, write: Write, name: str) -> None:
    document["queues"][name] = {"dead_letter_topic": "letters-dead"}
    with pytest.raises(CatalogError, match=f"queue {name!r}: field 'name': {name!r} is not allowed"):
        load_catalog(write(document))


def test_a_queue_cannot_take_the_name_of_a_sibling(document: Document, write: Write) -> None:
    document["queues"]["letters-retry"] = {"dead_letter_topic": "letters-dead"}
    with pytest.raises(CatalogError, match="'letters-retry' is not allowed: must not end in '-retry'"):
        load_catalog(write(document))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must be a mapping with the keys defaults and queues"),
        ("- letters\n", "must be a mapping with the keys defaults and queues"),
        ("defaults: {}\n", "field 'queues': None is not allowed"),
        ("queues: {}\n", "field 'queues': {} is not allowed"),
        ("queues: [letters]\n", "field 'queues': ['letters'] is not allowed"),
        ("queues: {letters: 7}\n", "queue 'letters': 7 is not allowed: must be a mapping of fields"),
        ("defaults: [1]\nqueues: {letters: {}}\n", "field 'defaults': [1] is not allowed"),
        ("defaults: []\nqueues: {letters: {}}\n", "field 'defaults': [] is not allowed"),
        ("queues: {}\nspeed: 1\n", "unknown key 'speed'; allowed are: defaults, queues"),
        ("1: 2\nspeed: 1\n", "unknown key 1; allowed are: defaults, queues"),
        ("queues: [\n", "is not valid YAML"),
        ("queues: !!python/name:os.system {}\n", "is not valid YAML"),
        ("? [a]\n: 1\n", "is not valid YAML: a key must be a word"),
        ("queues:\n  letters: {}\n  letters: {}\n", "key 'letters' stands twice; keep one"),
        ("queues: {a: {delivery: {jitter: 0, jitter: 1}}}\n", "key 'jitter' stands twice; keep one"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "queues.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        load_catalog(path)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)


def test_a_file_of_other_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "queues.yaml"
    path.write_bytes(b"queues: \xff")
    with pytest.raises(CatalogError, match="is not valid YAML"):
        load_catalog(path)


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"nowhere\.yaml: cannot be read .* name the file with --queues"):
        load_catalog(tmp_path / "nowhere.yaml")


def test_the_ledger_remembers_for_longer_than_a_task_may_run(document: Document, write: Write) -> None:
    write_it = put(document, "delivery.ledger_retention", "3600s")
    with pytest.raises(CatalogError, match=r"'letters'.*ledger_retention must be above age_limit, 3600s"):
        load_catalog(write(write_it))


ALONE = {"max_dispatches_per_second": 1, "max_concurrent_dispatches": 1}
QUARANTINE = {
    "quarantine": True,
    "rate_limits": ALONE,
    "retry_rate_limits": ALONE,
    "dead_letter_topic": "letters-dead",
}


@pytest.mark.parametrize(
    ("queues", "complaint"),
    [
        ({"q": {**QUARANTINE, "rate_limits": {}}}, "'q': max_concurrent_dispatches must be 1 in both"),
        ({"q": {**QUARANTINE, "retry_rate_limits": {}}}, "'q': max_concurrent_dispatches must be 1 in both"),
        ({"q": QUARANTINE, "r": QUARANTINE}, "'r': field 'quarantine': queue 'q' is the quarantine already"),
        ({"q": {**QUARANTINE, "dispatch_deadline": "59s"}}, "'q'.* needs the longest, 60s of 'letters'"),
    ],
)
def test_a_quarantine_that_is_none(
    document: Document, write: Write, queues: dict[str, object], complaint: str
) -> None:
    document["queues"].update(queues)
    with pytest.raises(CatalogError, match=complaint):
        load_catalog(write(document))


def test_no_type_names_the_quarantine(document: Document, write: Write) -> None:
    document["queues"]["q"] = QUARANTINE
    catalog = load_catalog(write(document))
    assert catalog.quarantine is catalog.get("q")

    class Suspicious(Task):
        name = "suspicious"
        queue = "q"

        def identity(self) -> str:
            return "1"

        def target(self) -> str:
            return ""

    with pytest.raises(CatalogError, match=r"'suspicious' names queue 'q', .* for quarantine"):
        catalog.check(TaskRegistry([Suspicious]))

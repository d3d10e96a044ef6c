"""indexes.json has nothing that no query needs; `footprint` holds the rest of it against every test."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stores import Endpoint, Filter, SigningKey
from stores.firestore import FirestoreStores
from tests.stores.conftest import Footprint
from tests.stores.indexes import Composite, Field, Index, Indexes, Shape
from tests.stores.starts import start
from tests.stores.test_ledger import BODY, KEY, RETRY

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ENDPOINT = Endpoint(uid="u", kind="day_summary", url="https://example.com", keys=(SigningKey(secret="s"),))


async def ask(stores: FirestoreStores) -> None:
    """Everything that the stores can ask."""
    every = Filter(
        type="x",
        queue="x",
        target="x",
        owner="x",
        reason="x",
        replayed=True,
        discarded=True,
        died_after=NOW,
    )
    for wanted in (every, replace(every, died_after=None, died_before=NOW), Filter(died_after=NOW), Filter()):
        await stores.dead_letters.find(wanted, limit=1)
        await stores.dead_letters.find(wanted, limit=1, after="0" * 16)
    await stores.dead_letters.depths(limit=1)
    await stores.dead_letters.sweep(NOW, limit=1)
    await stores.directory.endpoints(limit=1)
    await stores.directory.endpoints(uid="u", limit=1, after=ENDPOINT)
    await stores.ledger.latest("t", "i")
    await stores.ledger.record(start(KEY), RETRY, BODY)
    row = await stores.ledger.read(KEY)
    assert await stores.ledger.overdue(NOW, limit=1, after=row) == ()
    await stores.targets.forget("t")
    await stores.devices.of("u")
    await stores.apps.apps(limit=1, after="a")
    await stores.apps.enabled_apps("u", limit=1, after="a")
    await stores.devices.remove("u", "d")
    for erase in (
        stores.dead_letters.erase,
        stores.ledger.erase,
        stores.devices.erase,
        stores.apps.erase,
        stores.directory.erase,
        stores.places.erase,
        stores.speech.erase,
        stores.grants.erase,
    ):
        await erase("u")


async def test_every_index_has_its_query(
    firestore_stores: FirestoreStores, footprint: Footprint, indexes: Indexes
) -> None:
    await ask(firestore_stores)
    needed = frozenset[Index]().union(*(indexes.serving(shape) or () for shape in footprint.asked))
    own = {field for field, indexed in indexes.single.items() if indexed}
    assert needed == indexes.composite | own


def test_what_expires_is_removed_by_firestore_and_not_indexed(indexes: Indexes) -> None:
    assert indexes.expiring == {each for each in indexes.single if each.name == "expires_at"}
    assert not any(indexes.single[each] for each in indexes.expiring)


ASCENDING = "ASCENDING"


@pytest.mark.parametrize(
    ("shape", "serving"),
    [
        (Shape("c", frozenset("a"), ()), {Field("c", "a")}),
        (Shape("c", frozenset("x"), ()), None),
        (Shape("c", frozenset(), (("a", ASCENDING),)), {Field("c", "a")}),
        (
            Shape("c", frozenset("ab"), (("t", ASCENDING),)),
            {
                Composite("c", (("a", ASCENDING), ("t", ASCENDING))),
                Composite("c", (("b", ASCENDING), ("t", ASCENDING))),
            },
        ),
        (Shape("c", frozenset("ad"), (("t", ASCENDING),)), None),
        (Shape("c", frozenset("a"), (("t", "DESCENDING"),)), None),
        (Shape("d", frozenset("a"), (("t", ASCENDING),)), None),
    ],
    ids=[
        "own index",
        "exempt",
        "one order",
        "merged",
        "an equality without index",
        "other direction",
        "other group",
    ],
)
def test_which_indexes_serve_a_query(shape: Shape, serving: set[Index] | None) -> None:
    indexes = Indexes(
        composite=frozenset(Composite("c", ((name, ASCENDING), ("t", ASCENDING))) for name in "abe"),
        single={Field("c", "a"): True, Field("c", "x"): False},
        expiring=frozenset(),
    )
    assert indexes.serving(shape) == serving

"""The admin API: what the commands do, over HTTP, and what a wrong call is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from contracts import DeadLetter, Envelope, developer_endpoint
from handlers.admin.dead_letters import LIMIT
from handlers.admin.endpoints import RECOVERED
from handlers.delivery import Reason, TargetRefused
from handlers.health import judged
from stores import Endpoint, Filter, Key, SigningKey
from tests.flow.world import SECRET
from tests.handlers.conftest import ADMIN, START, Note, Service
from tests.handlers.pushes import RAW


def letter(number: int, *, target: str = "t", reason: str = "gone") -> DeadLetter:
    envelope = Envelope.seal(Note(id=f"n{number}", realtime=False), accepted_at=START)
    return DeadLetter.of(
        envelope, queue="developer-webhooks", target=target, reason=reason, detail="", died_at=START
    )


class Client:
    """An administrator's."""

    def __init__(self, service: Service) -> None:
        self._client = service.client
        self._headers = {"Authorization": f"Bearer {service.issuer.token(email=ADMIN)}"}

    async def get(self, path: str, **params: str) -> httpx.Response:
        return await self._client.get(f"/admin/{path}", params=params, headers=self._headers)

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self._client.post(f"/admin/{path}", json=body, headers=self._headers)


@pytest.fixture
def admin(service: Service) -> Client:
    return Client(service)


async def test_letters_are_listed_page_by_page_and_shown_whole(service: Service, admin: Client) -> None:
    for number in range(3):
        await service.stores.dead_letters.add(letter(number))
    await service.stores.dead_letters.add(RAW)
    first = (await admin.get("dead-letters", limit="2", reason="gone")).json()
    second = (await admin.get("dead-letters", limit="2", reason="gone", after=first["after"])).json()
    found = [one["identity"] for page in (first, second) for one in page["dead_letters"]]
    assert sorted(found) == ["n0", "n1", "n2"]
    assert second["after"] is None
    assert "body" not in first["dead_letters"][0]
    shown = (await admin.get(f"dead-letters/{letter(0).id}")).json()
    assert shown["envelope"]["identity"] == "n0"
    assert "discard, unless" in shown["remedy"]
    assert (await admin.get(f"dead-letters/{RAW.id}")).json()["body"] == "\\xffjunk"


async def test_letters_are_replayed_and_discarded(service: Service, admin: Client) -> None:
    for number in range(3):
        await service.stores.dead_letters.add(letter(number))
    dry = (await admin.post("dead-letters/replay", ids=[letter(0).id], dry_run=True)).json()
    assert [result["outcome"] for result in dry["results"]] == ["Planned"]
    assert service.created() == []
    done = (await admin.post("dead-letters/replay", ids=[letter(0).id])).json()
    assert [result["outcome"] for result in done["results"]] == ["Replayed"]
    assert [envelope.generation for _, envelope, _ in service.created()] == [1]
    await admin.post("dead-letters/discard", died_of="gone", reason="the endpoint is retired")
    left = await service.stores.dead_letters.find(Filter.open(), limit=10)
    assert left == ()
    closed = (await admin.get("dead-letters", closed="true")).json()["dead_letters"]
    assert sorted(str(one["discard_reason"]) for one in closed) == ["None"] + ["the endpoint is retired"] * 2


@pytest.mark.parametrize("dry_run", [True, False])
async def test_letters_that_stay_keep_no_call_from_those_behind_them(
    service: Service, admin: Client, dry_run: bool
) -> None:
    left = {letter(number).model_copy(update={"queue": "former"}) for number in range(LIMIT + 1)}
    for each in left:
        await service.stores.dead_letters.add(each)
    first = (await admin.post("dead-letters/replay", everything=True, dry_run=dry_run)).json()
    assert (len(first["results"]), first["complete"]) == (LIMIT, False)
    rest = (
        await admin.post("dead-letters/replay", everything=True, dry_run=dry_run, after=first["after"])
    ).json()
    assert (len(rest["results"]), rest["complete"], rest["after"]) == (1, True, None)
    told = {result["letter_id"]: result["outcome"] for result in first["results"] + rest["results"]}
    assert told == {each.id: "NotReplayed" for each in left}


async def test_an_endpoint_is_paused_and_rotated_and_shows_no_key(service: Service, admin: Client) -> None:
    endpoint = Endpoint(
        uid="u1", kind="memory_created", url="https://example.com/", keys=(SigningKey(secret=SECRET),)
    )
    await service.stores.directory.put_endpoint(endpoint)
    listed = await admin.get("endpoints")
    assert [one["uid"] for one in listed.json()["endpoints"]] == ["u1"]
    paused = await admin.post("endpoints/u1/memory_created/pause")
    assert paused.json()["paused"] is True
    assert (await admin.post("endpoints/u1/memory_created/resume")).json()["paused"] is False
    rotated = (await admin.post("endpoints/u1/memory_created/rotate", overlap_hours=1)).json()
    assert rotated["verify_with"].startswith("whsec_")
    changed = await service.stores.directory.endpoint("u1", "memory_created")
    assert changed is not None
    assert [key.secret for key in changed.keys] == [rotated["verify_with"], SECRET]
    assert changed.keys[1].not_after == START + timedelta(hours=1)
    shown = await admin.get("endpoints/u1/memory_created")
    for answer in (listed, paused, shown):
        assert SECRET not in answer.text
        assert rotated["verify_with"] not in answer.text


async def test_an_endpoint_is_enabled_and_gets_what_it_missed(service: Service, admin: Client) -> None:
    await service.stores.directory.put_endpoint(
        Endpoint(uid="u1", kind="memory_created", url="https://example.com/", keys=())
    )
    target, gone = developer_endpoint("u1", "memory_created"), TargetRefused(Reason.GONE, "410")
    after = timedelta(days=5)
    await service.stores.targets.change_health(
        target, lambda health: judged(health, gone, now=START, disable_after=after)
    )
    await service.stores.dead_letters.add(letter(200, target="another"))
    await service.stores.dead_letters.add(letter(201, target=target, reason=Reason.BUG))
    for number in range(RECOVERED + 3):
        await service.stores.dead_letters.add(letter(number, target=target))
    assert (await admin.get("endpoints/u1/memory_created")).json()["disabled_for"] == "gone"

    without = (await admin.post("endpoints/u1/memory_created/enable", recover=False)).json()
    assert (without["results"], service.created()) == ([], [])
    calls = [(await admin.post("endpoints/u1/memory_created/enable")).json() for _ in range(3)]
    assert [(len(call["results"]), call["complete"]) for call in calls] == [
        (RECOVERED, False),
        (3, True),
        (0, True),
    ]
    assert {result["outcome"] for call in calls for result in call["results"]} == {"Replayed"}
    assert [call["endpoint"]["disabled_at"] for call in (without, *calls)] == [None] * 4
    again = [(envelope.identity, envelope.generation) for _, envelope, _ in service.created()]
    assert sorted(again) == sorted((f"n{number}", 1) for number in range(RECOVERED + 3))


async def test_reconciling_and_erasing_say_what_they_did(service: Service, admin: Client) -> None:
    assert (await admin.post("reconcile")).json()["complete"] is True
    kept = letter(0).model_copy(update={"owner": "u1"})
    await service.stores.dead_letters.add(kept)
    dry = (await admin.post("users/u1/erase")).json()
    assert dry["dry_run"] is True
    assert sum(dry["erased"].values()) == 1
    assert await service.stores.dead_letters.get(kept.id) is not None
    await admin.post("users/u1/erase", dry_run=False)
    assert await service.stores.dead_letters.get(kept.id) is None


async def test_a_cloud_tasks_that_is_away_is_a_problem_to_try_again(admin: Client) -> None:
    answer = await admin.get("queues")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("dead-letters/replay", {}, 422, "name letters in ids"),
        ("dead-letters/replay", {"ids": ["x"], "everything": True}, 422, "one of them"),
        ("dead-letters/replay", {"ids": ["x"]}, 404, "no dead letter x"),
        ("dead-letters/replay", {"everything": True, "per_second": 0}, 422, "per_second"),
        ("dead-letters/replay", {"everythin": True}, 422, "everythin"),
        ("dead-letters/discard", {"everything": True}, 422, "reason"),
        ("dead-letters/discard", {"everything": True, "reason": ""}, 422, "reason"),
        ("endpoints/u9/memory_created/pause", {}, 404, "no endpoint"),
        ("endpoints/u9/nonsense/pause", {}, 422, "kind"),
        ("endpoints/u9/memory_created/rotate", {"secret": "plain"}, 422, "projects/P/secrets"),
        ("endpoints/u9/memory_created/rotate", {"overlap_hours": 10_000}, 422, "overlap_hours"),
        ("queues/nowhere/pause", {}, 404, "'nowhere'"),
        ("users/u1/erase", {"dry_run": "perhaps"}, 422, "dry_run"),
    ],
)
async def test_a_wrong_call_is_a_problem_that_names_the_field(
    admin: Client, path: str, body: dict[str, Any], status: int, told: str
) -> None:
    answer = await admin.post(path, **body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.text


async def test_the_ledger_is_not_touched_by_looking(service: Service, admin: Client) -> None:
    await service.stores.dead_letters.add(letter(0))
    await admin.get("dead-letters")
    await admin.get(f"dead-letters/{letter(0).id}")
    assert await service.ledger.read(Key("note", "n0", 0)) is None

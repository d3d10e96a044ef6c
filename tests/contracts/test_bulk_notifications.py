"""One notification for many users: its pieces, their names, and what each user is told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from contracts import BulkNotification, Notification
from contracts.bulk_notifications import MAX_USERS


def bulk(*uids: str, event: str = "e1") -> list[BulkNotification]:
    return list(BulkNotification.of(uids, event=event, subject="news", title="New", body="A summary a day"))


def test_many_users_are_told_in_pieces_that_hold_each_once() -> None:
    uids = [f"user-{number}" for number in range(2 * MAX_USERS + 1)]
    tasks = bulk(*uids, *uids[:3])
    assert [len(task.uids) for task in tasks] == [MAX_USERS, MAX_USERS, 1]
    assert sorted(uid for task in tasks for uid in task.uids) == sorted(uids)


def test_the_same_users_are_the_same_tasks_in_whatever_order() -> None:
    assert bulk("b", "a", "b") == bulk("a", "b")
    identities = {
        task.identity() for tasks in (bulk("a", "b"), bulk("a"), bulk("a", "b", event="e2")) for task in tasks
    }
    assert len(identities) == 3


def test_nobody_is_no_task() -> None:
    assert bulk() == []


@pytest.mark.parametrize(
    "fault", [{"uids": []}, {"uids": ["u"] * (MAX_USERS + 1)}, {"uids": [""]}, {"link": "http://example.com"}]
)
def test_what_cannot_be_sent_is_refused(fault: dict[str, object]) -> None:
    fields = {"uids": ["u"], "event": "e", "subject": "s", "title": "t", "body": "b", **fault}
    with pytest.raises(ValidationError):
        BulkNotification.model_validate(fields)


def test_each_user_is_told_as_if_alone() -> None:
    (task,) = BulkNotification.of(
        ["a", "b"],
        event="e1",
        subject="news",
        title="New",
        body="Hi",
        data={"k": "v"},
        link="https://example.com",
    )
    alone = Notification(
        uid="b",
        event="e1",
        subject="news",
        title="New",
        body="Hi",
        data={"k": "v"},
        link="https://example.com",
    )
    assert task.each()[1] == alone
    assert [one.uid for one in task.each()] == ["a", "b"]

"""What a policy may be, and what a change makes of it."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.iam.v1.policy_pb2 import AuditConfig, Binding, Policy

from emulator.errors import ApiError, InvalidArgumentError
from emulator.iam_policy import NO_POLICY_ETAG, changed_policy, check_asked_version, check_permissions

NONE = Policy(etag=NO_POLICY_ETAG)
ROLE = "roles/cloudtasks.enqueuer"
CONDITION = {"expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}


def policy(*members: str, **fields: Any) -> Policy:
    return Policy(bindings=[Binding(role=ROLE, members=members)], **fields)


def test_bindings_are_merged_by_role_and_condition() -> None:
    given = Policy(
        version=3,
        bindings=[
            Binding(role=ROLE, members=["user:a@x", "user:b@x"]),
            Binding(role="roles/viewer", members=["allUsers"]),
            Binding(role=ROLE, members=["user:b@x", "user:c@x", "user:c@x"]),
            Binding(role=ROLE, members=["user:a@x"], condition=CONDITION),
            Binding(role="roles/owner"),
        ],
    )
    changed = changed_policy(NONE, given, ())
    assert list(changed.bindings) == [
        Binding(role=ROLE, members=["user:a@x", "user:b@x", "user:c@x"]),
        Binding(role="roles/viewer", members=["allUsers"]),
        Binding(role=ROLE, members=["user:a@x"], condition=CONDITION),
    ]
    assert changed.version == 3


def test_an_etag_holds_until_the_policy_changes() -> None:
    first = changed_policy(NONE, policy("user:a@x", etag=NO_POLICY_ETAG), ())
    second = changed_policy(first, policy("user:b@x", etag=first.etag), ())
    again = changed_policy(second, policy("user:b@x"), ())  # without etag, whatever is there is replaced
    assert len({NO_POLICY_ETAG, first.etag, second.etag, again.etag}) == 4
    with pytest.raises(ApiError, match="There were concurrent policy changes") as caught:
        changed_policy(second, policy("user:c@x", etag=first.etag), ())
    assert caught.value.code is grpc.StatusCode.ABORTED
    unchecked = changed_policy(second, policy("user:c@x", etag=first.etag), ["bindings"])
    assert unchecked.bindings[0].members == ["user:c@x"]


def test_the_mask_says_what_changes() -> None:
    audits = [AuditConfig(service="allServices")]
    first = changed_policy(NONE, policy("user:a@x", audit_configs=audits), ())
    assert not first.audit_configs
    second = changed_policy(first, Policy(audit_configs=audits), ["auditConfigs"])
    assert list(second.audit_configs) == audits
    assert second.bindings == first.bindings
    third = changed_policy(second, Policy(), ())
    assert list(third.audit_configs) == audits
    assert not third.bindings
    assert third.version == 1


@pytest.mark.parametrize(
    ("given", "mask", "message"),
    [
        (policy("user:a@x", version=2), (), "Policy version 2 is not valid"),
        (policy("a@x"), (), "Member 'a@x' of roles/cloudtasks.enqueuer is not valid"),
        (Policy(bindings=[Binding(role="owner")]), (), "Role 'owner' is not valid"),
        (
            Policy(bindings=[Binding(role=ROLE, members=["user:a@x"], condition=CONDITION)]),
            (),
            "The binding of roles/cloudtasks.enqueuer has a condition: set policy.version to 3.",
        ),
        (policy(), ["members"], "Invalid field path in update_mask: 'members' is none of bindings, etag"),
        (policy(*(f"user:{number}@x" for number in range(9000))), (), "The policy has "),
    ],
)
def test_a_policy_that_is_wrong(given: Policy, mask: list[str], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        changed_policy(NONE, given, mask)
    assert caught.value.message.startswith(message)


def test_a_policy_with_conditions_is_read_at_version_3() -> None:
    conditional = Policy(version=3, bindings=[Binding(role=ROLE, members=["user:a@x"], condition=CONDITION)])
    check_asked_version(conditional, 3)
    check_asked_version(policy("user:a@x"), 0)
    for wrong in (0, 1, 2):
        with pytest.raises(InvalidArgumentError):
            check_asked_version(conditional, wrong)


@pytest.mark.parametrize("permission", ["", "*", "cloudtasks.*", "cloudtasks.tasks.", "tasks"])
def test_what_is_no_permission(permission: str) -> None:
    check_permissions(["cloudtasks.tasks.create"])
    with pytest.raises(InvalidArgumentError, match="is not valid: give SERVICE"):
        check_permissions(["cloudtasks.tasks.create", permission])

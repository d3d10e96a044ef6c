"""Says which IAM policies are valid and what changing one makes of it; pure values, nobody is let in by them.

The rules are those of google.iam.v1's protos: https://cloud.google.com/iam/docs/reference/rest/v1/Policy
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

import grpc
from google.iam.v1 import policy_pb2

from emulator.errors import ApiError, InvalidArgumentError

MAX_POLICY_BYTES = 64 * 1024
NO_POLICY_ETAG = b"\x00\x20\x01"
"""Of the empty policy of a resource that was given none; Google answers this one (`ACAB` in base64)."""
CONDITIONS_VERSION = 3
"""The policy version that has conditions. Without any, a policy is of version 1."""

_VERSIONS = (0, 1, CONDITIONS_VERSION)
_ROLE = re.compile(r"(projects/[^/]+/|organizations/[^/]+/)?roles/[A-Za-z0-9_.]+")
_MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers"
    r"|(deleted:)?(user|serviceAccount|group|domain|projectOwner|projectEditor|projectViewer):\S+"
    r"|(deleted:)?principal(Set)?://\S+"
)
_PERMISSION = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)+")
_FIELDS = {"bindings": "bindings", "etag": "etag", "version": "version"} | dict.fromkeys(
    ("audit_configs", "auditConfigs"), "audit_configs"
)


def changed_policy(
    current: policy_pb2.Policy, given: policy_pb2.Policy, mask: Iterable[str]
) -> policy_pb2.Policy:
    """The policy that SetIamPolicy makes of `current`; an empty mask means bindings and etag.

    Raises InvalidArgumentError, or ABORTED where an etag is given that is not the current one.
    """
    fields = _fields(mask)
    _check_version(given.version)
    if "etag" in fields and given.etag and given.etag != current.etag:
        raise ApiError(
            grpc.StatusCode.ABORTED,
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential "
            "backoff.",
        )
    changed = policy_pb2.Policy()
    changed.CopyFrom(current)
    if "bindings" in fields:
        del changed.bindings[:]
        changed.bindings.extend(_merged(given))
    if "audit_configs" in fields:
        del changed.audit_configs[:]
        changed.audit_configs.extend(given.audit_configs)
    changed.version = CONDITIONS_VERSION if _is_conditional(changed) else 1
    if changed.ByteSize() > MAX_POLICY_BYTES:
        raise InvalidArgumentError(
            f"The policy has {changed.ByteSize()} bytes: give at most {MAX_POLICY_BYTES}."
        )
    changed.etag = b"\x07" + sha256(changed.SerializeToString(deterministic=True)).digest()[:7]
    return changed


def check_asked_version(policy: policy_pb2.Policy, asked: int) -> None:
    """`asked`: GetPolicyOptions.requested_policy_version. Raises InvalidArgumentError."""
    _check_version(asked)
    if _is_conditional(policy) and asked != CONDITIONS_VERSION:
        raise InvalidArgumentError(
            f"The policy has conditional bindings: set options.requested_policy_version to "
            f"{CONDITIONS_VERSION} to read it."
        )


def check_permissions(permissions: Iterable[str]) -> None:
    """Raises InvalidArgumentError for what is no permission, wildcards included."""
    for permission in permissions:
        if not _PERMISSION.fullmatch(permission):
            raise InvalidArgumentError(
                f"Permission {permission!r} is not valid: give SERVICE.RESOURCE.VERB, without wildcards."
            )


def _fields(mask: Iterable[str]) -> set[str]:
    paths = set(mask) or {"bindings", "etag"}
    if unknown := paths - _FIELDS.keys():
        raise InvalidArgumentError(
            f"Invalid field path in update_mask: {min(unknown)!r} is none of {', '.join(_FIELDS)}."
        )
    return {_FIELDS[path] for path in paths}


def _check_version(version: int) -> None:
    if version not in _VERSIONS:
        raise InvalidArgumentError(f"Policy version {version} is not valid: give 0, 1 or 3.")


def _merged(given: policy_pb2.Policy) -> list[policy_pb2.Binding]:
    """The bindings, one for each role and condition, each member once; those without members are left out."""
    bindings: dict[tuple[str, bytes], policy_pb2.Binding] = {}
    for binding in given.bindings:
        _check_binding(binding, given.version)
        key = binding.role, binding.condition.SerializeToString(deterministic=True)
        if key not in bindings:
            bindings[key] = policy_pb2.Binding(role=binding.role)
            if binding.HasField("condition"):
                bindings[key].condition.CopyFrom(binding.condition)
        known = set(bindings[key].members)
        bindings[key].members.extend(dict.fromkeys(each for each in binding.members if each not in known))
    return [binding for binding in bindings.values() if binding.members]


def _check_binding(binding: policy_pb2.Binding, version: int) -> None:
    if not _ROLE.fullmatch(binding.role):
        raise InvalidArgumentError(
            f"Role {binding.role!r} is not valid: give roles/ROLE, projects/PROJECT/roles/ROLE "
            f"or organizations/ORGANIZATION/roles/ROLE."
        )
    for member in binding.members:
        if not _MEMBER.fullmatch(member):
            raise InvalidArgumentError(
                f"Member {member!r} of {binding.role} is not valid: give user:EMAIL, serviceAccount:EMAIL, "
                f"group:EMAIL, domain:DOMAIN, principal://…, allUsers or allAuthenticatedUsers."
            )
    if binding.HasField("condition") and version != CONDITIONS_VERSION:
        raise InvalidArgumentError(
            f"The binding of {binding.role} has a condition: set policy.version to {CONDITIONS_VERSION}."
        )


def _is_conditional(policy: policy_pb2.Policy) -> bool:
    return any(binding.HasField("condition") for binding in policy.bindings)

"""Words the errors that Pub/Sub answers, as Google words them; it decides nowhere when."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from google.rpc import error_details_pb2

from emulator.errors import ApiError, InvalidArgumentError


def not_served(feature: str, remedy: str) -> ApiError:
    return ApiError(grpc.StatusCode.UNIMPLEMENTED, f"{feature} is not served by this emulator yet: {remedy}.")


def not_found(name: str) -> ApiError:
    return ApiError(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={_short(name)}).")


def already_exists(name: str) -> ApiError:
    return ApiError(
        grpc.StatusCode.ALREADY_EXISTS, f"Resource already exists in the project (resource={_short(name)})."
    )


def push_only(name: str) -> ApiError:
    return ApiError(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"This method is not supported for push subscriptions (resource={_short(name)}). "
        "Make it a pull subscription by ModifyPushConfig with an empty push_config.",
    )


def detached(name: str) -> ApiError:
    return ApiError(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"The subscription is detached from its topic (resource={_short(name)}). Create another one.",
    )


def invalid_ack_ids(ack_ids: Sequence[str]) -> ApiError:
    """What a subscription with exactly-once delivery answers for attempts that have ended."""
    info = error_details_pb2.ErrorInfo(
        reason="EXACTLY_ONCE_ACKID_FAILURE",
        domain="pubsub.googleapis.com",
        metadata=dict.fromkeys(ack_ids, "PERMANENT_FAILURE_INVALID_ACK_ID"),
    )
    return InvalidArgumentError(
        "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids "
        "have expired or the acknowledgement ids were malformed.",
        [info],
    )


def _short(name: str) -> str:
    """Google's messages name a resource by its last part."""
    return name.rsplit("/", 1)[-1]

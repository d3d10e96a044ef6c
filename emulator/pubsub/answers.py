"""Words the errors that Pub/Sub answers, as Google words them; it decides nowhere when."""

from __future__ import annotations

import grpc

from emulator.errors import ApiError


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


def _short(name: str) -> str:
    """Google's messages name a resource by its last part."""
    return name.rsplit("/", 1)[-1]

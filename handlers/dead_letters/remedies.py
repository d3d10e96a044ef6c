"""What to do about a dead letter, by the reason it died of: one table, for whoever looks at one."""

from __future__ import annotations

from collections.abc import Mapping

from handlers.dead_letters.reading import EVENT_UNDELIVERED
from handlers.delivery import Reason

REMEDIES: Mapping[str, str] = {
    Reason.ATTEMPTS_USED: "the target failed every attempt: see that it is well again, then replay",
    Reason.TARGET_FAILED: "the target failed: see that it is well again, then replay",
    Reason.TOO_OLD: "it waited longer than its queue's age_limit: see what held the queue up; "
    "replay where it is still of use, else discard",
    Reason.BUG: "our handler failed on it: mend the bug that `attempts` tells, deploy, then replay",
    Reason.BUSY: "its target had no room until it was too old: raise the target's rate, then replay",
    Reason.NEEDS_NEWER_CODE: "no handler knew its type or version: deploy the handlers, then replay",
    Reason.UNDECODABLE: "its bytes could not be read: find out who sent them (see `body`), then discard",
    Reason.BLOB_MISSING: "its payload is in the blob store no more: restore the blob that `detail` names, "
    "then replay; where it was erased with its user, discard",
    Reason.POISON: "its process died each time that it ran: reproduce it away from production, mend it, "
    "then replay",
    Reason.OWNER_PAUSED: "its owner paused the endpoint: replay once it is enabled, or discard",
    Reason.ENDPOINT_DISABLED: "its endpoint failed for too long or asked for no more: once it is well, "
    "`sidelane endpoints enable` replays what it missed",
    Reason.NO_ENDPOINT: "its owner registered no endpoint: replay once there is one, or discard",
    Reason.NOT_ENABLED: "its user did not enable the app: replay once that is so, or discard",
    Reason.NO_DEVICE: "its user has no device: replay once there is one, or discard",
    Reason.DEVICE_GONE: "its device is gone, and was forgotten: discard",
    Reason.REFUSED: "the service refuses this very request for good: see `detail`, mend what makes it, "
    "then replay or discard",
    Reason.WRONG_SENDER: "the device belongs to another Firebase project: check SIDELANE_FCM_PROJECT, "
    "then replay, or discard",
    Reason.GONE: "the target said that it is gone for good: discard, unless its owner registers another",
    Reason.BLOCKED_ADDRESS: "its URL leads where no request may go: have its owner change it, then replay",
    Reason.ABORTED: "the target asked not to be sent this again: discard",
    EVENT_UNDELIVERED: "its fan-out failed each time: see the handlers' log, mend it, then replay",
}
OTHERWISE = "see `detail` and `attempts`; replay once the cause is gone, or discard"


def remedy(reason: str) -> str:
    """What an operator does about a letter of this reason."""
    return REMEDIES.get(reason, OTHERWISE)

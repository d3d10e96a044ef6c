"""What can go wrong on the request path. One message each, and each says what to do; nothing is done here.

ProducerError
├── InvalidSettings      a setting is missing or contradicts another
├── NotOpen              no producer is open on this event loop
├── AlreadyOpen          this event loop has its producer already
├── UnregisteredTask     the task's type is not in the producer's registry
├── InvalidIdentity      the task does not name its event
├── InvalidSchedule      the time is naive, or too far ahead
├── TaskTooLarge         the envelope is over its queue's limit
├── PayloadGone          the payload that a task refers to is not there any more
├── UnknownQueue         the catalog or Cloud Tasks has no such queue
├── UnknownTopic         Pub/Sub has no such topic
├── Refused              the service understood the call and said no
├── Unreachable          no answer within the deadline
├── PartlyEnqueued       `enqueue_many` could not enqueue every task
├── NotSignedIn          no valid token of a user: answered 401
├── NotYours             a user acts for another one: answered 403
├── TooManyRequests      a caller is over its rate: answered 429
├── NotSetUp             what a route needs is not configured: answered 501
├── RequestRefused       what the caller gave cannot be used: answered 4xx
│   ├── UploadTooLarge   a file is longer than one may be
│   ├── UploadTooSlow    a file was not complete in time
│   ├── UploadInvalid    the request's body is not what it says
│   └── ArchiveRefused   a zip file is not one that may be read
├── ThirdPartyFailed     a third party gave no usable answer: answered 502
│   ├── ThirdPartySlow   none in time: answered 504
│   └── ThirdPartyBusy   it, or our lane to it, takes no more now: answered 503
├── UploadsFull          as many uploads as may be are under way, or there is no room for more
└── GeocodingFailed      the geocoding service gave no usable answer
    ├── GeocodingBusy    it is over its quota, or was not asked since too many ask already
    └── GeocodingRefused it refuses our key, or cannot be asked as it is configured
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from producers.receipt import Receipt


class ProducerError(Exception):
    """Base of every error that `producers` raises."""


class InvalidSettings(ProducerError):
    """A setting is missing or contradicts another; start-up stops and the message names them all."""


class NotOpen(ProducerError):
    """No producer is open on this event loop; a producer belongs to the loop that opened it."""

    def __init__(self) -> None:
        super().__init__(
            "no producer is open on this event loop; open one in the application's lifespan with "
            "`async with Producer(settings, catalog, registry): yield`, in unit tests with "
            "`async with recording(catalog)`"
        )


class AlreadyOpen(ProducerError):
    """This event loop has its producer already: close that one first, or use it."""

    def __init__(self) -> None:
        super().__init__("this event loop has its producer already; use that one, or close it first")


class UnregisteredTask(ProducerError):
    """The task's type is not in the producer's registry, so no handler would know it."""

    def __init__(self, name: str, type_name: str) -> None:
        super().__init__(
            f"task type {type_name} ({name!r}) is not registered with this producer; "
            "add it to the types its TaskRegistry is built from"
        )


class InvalidIdentity(ProducerError):
    """The task does not name its event; the message says which rule its identity breaks."""


class InvalidSchedule(ProducerError):
    """The time to run at has no time zone or is more than 30 days ahead, the limit of Cloud Tasks."""


class TaskTooLarge(ProducerError):
    """The envelope is over its queue's limit. `size` and `limit` are in bytes."""

    def __init__(self, name: str, queue: str, size: int, limit: int) -> None:
        super().__init__(
            f"task {name!r} is {size} bytes as an envelope, queue {queue!r} carries at most {limit}; "
            "send less in one task, give the producer a blob store, or raise inline_limit_bytes or "
            "blob_limit_bytes of the queue in the catalog"
        )
        self.size = size
        self.limit = limit


class PayloadGone(ProducerError):
    """The payload that a task refers to is not in the blob store any more: it cannot be run again."""


class UnknownQueue(ProducerError):
    """The catalog or Cloud Tasks has no such queue; the message says which of them."""


class UnknownTopic(ProducerError):
    """Pub/Sub has no such topic: create it (Terraform; locally the emulator does) before publishing."""


class Refused(ProducerError):
    """The service understood the call and said no (permission, argument, quota); repeating it is no use."""


class Unreachable(ProducerError):
    """The service gave no answer within the deadline. Trying again is safe: tasks are named."""


class PartlyEnqueued(ProducerError):
    """`enqueue_many` could not enqueue every task.

    `receipts` and `failures` go by the task's place in what was given. Enqueueing all of them again is
    safe: those that were accepted come back as duplicates.
    """

    def __init__(self, receipts: Mapping[int, Receipt], failures: Mapping[int, ProducerError]) -> None:
        place, first = next(iter(failures.items()))
        super().__init__(
            f"{len(failures)} of {len(receipts) + len(failures)} tasks were not enqueued; "
            f"the first is number {place}: {first}"
        )
        self.receipts = receipts
        self.failures = failures


class NotSignedIn(ProducerError):
    """The request has no valid token of a user: sign in with Firebase and send its ID token."""

    def __init__(self, reason: str, message: str) -> None:
        """`reason`: a value of `lanes.id_token.Refusal`."""
        super().__init__(message)
        self.reason = reason


class NotYours(ProducerError):
    """A user acts for another one: use your own uid."""


class TooManyRequests(ProducerError):
    """A caller is over its rate: come back after `wait` seconds."""

    def __init__(self, message: str, *, wait: float, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.wait = wait
        self.headers = headers


class NotSetUp(ProducerError):
    """What a route needs is not configured: set what the message names."""

    def __init__(self, what: str, settings: str) -> None:
        super().__init__(f"{what} is not set up here: set {settings}")


class RequestRefused(ProducerError):
    """What the caller gave cannot be used, or was used up: the message says what to do instead."""

    def __init__(self, message: str, *, status: int = 422) -> None:
        """`status`: of the answer, 4xx."""
        super().__init__(message)
        self.status = status


class ThirdPartyFailed(ProducerError):
    """A third party gave no usable answer: try again later."""

    status = 502

    def __init__(self, party: str, detail: str, *, wait: float | None = None) -> None:
        """`wait`: seconds that it asked for; None where it did not."""
        super().__init__(f"{party}: {detail}")
        self.party = party
        self.asked = wait
        self.wait = 5.0 if wait is None else wait
        """Seconds after which to try again."""


class ThirdPartySlow(ThirdPartyFailed):
    """A third party did not answer in time: what was asked may have had its effect."""

    status = 504


class ThirdPartyBusy(ThirdPartyFailed):
    """A third party, or our lane to it, takes no more now: nothing was done, come back after `wait`."""

    status = 503


class GeocodingFailed(ProducerError):
    """The geocoding service gave no usable answer: go on without an address, or enqueue a `Geocode`."""


class GeocodingBusy(GeocodingFailed):
    """The service is over its quota, or was not asked since too many ask already: come back later."""

    def __init__(self, detail: str, wait: timedelta) -> None:
        super().__init__(detail)
        self.wait = wait
        """How long to stay away."""


class GeocodingRefused(GeocodingFailed):
    """The service refuses our key, or cannot be asked as it is configured; the message says what to mend."""


class UploadTooLarge(RequestRefused):
    """The file is longer than one may be; nothing of it stays."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the file is over the limit of {limit} bytes; send a shorter one", status=413)
        self.limit = limit


class UploadTooSlow(RequestRefused):
    """The upload was not complete in time; nothing of it stays."""

    def __init__(self, deadline: float) -> None:
        super().__init__(f"the upload was not complete after {deadline:g} s; send smaller files", status=408)


class UploadInvalid(RequestRefused):
    """The request's body is not what it says; the message names the place. Nothing of it stays."""


class ArchiveRefused(RequestRefused):
    """The zip file is not one that may be read; the message says why. Nothing of it was imported."""


class UploadsFull(ProducerError):
    """As many uploads as may be are under way, or there is no room for more: come back later."""

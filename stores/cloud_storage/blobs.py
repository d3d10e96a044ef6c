"""Blobs as objects of a Cloud Storage bucket, through Google's own client on the storage executor.

    gs://BUCKET/PREFIX{owner}/{sha256}

The moment until which an object is kept is its `customTime`, which Cloud Storage lets nobody set back; the
bucket's lifecycle rule `daysSinceCustomTime` removes it. Nothing here lists or sweeps for age.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http.client import HTTPException
from typing import TypeVar

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud.exceptions import GoogleCloudError
from google.cloud.storage import Blob, Bucket, Client
from google.cloud.storage.exceptions import DataCorruption
from urllib3.exceptions import HTTPError

from contracts import BlobReference, owner_digest
from lanes import Executor, ExecutorClosed, LaneError
from stores.blobs import BLOB_DEADLINE, checked_size, verified
from stores.errors import BlobMissing, StoreClosed, StoreUnavailable

T = TypeVar("T")

_TRIES = 5
"""Against others who change the same object between our look and our change."""
_PAGE = 100
"""Objects of an owner that are removed within one deadline."""
_CONTENT_TYPE = "application/octet-stream"


_TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_TRANSIENT = (OSError, HTTPException, HTTPError, TransportError)


class CloudBlobs:
    """Implements `stores.blobs.Blobs`."""

    def __init__(
        self,
        bucket: str,
        storage: Executor,
        *,
        project: str,
        prefix: str = "",
        emulator: str | None = None,
        deadline: float = BLOB_DEADLINE,
    ) -> None:
        """`prefix` ends in a slash or is empty; `emulator` is the base URL of one (STORAGE_EMULATOR_HOST)."""
        self._name = bucket
        self._prefix = prefix
        self._storage = storage
        self._project = project
        self._emulator = emulator
        self._deadline = deadline
        self._retry = Retry(predicate=_is_transient, initial=0.1, maximum=2.0, timeout=deadline)
        self._timeout = (min(2.0, deadline), deadline / 2)
        """Seconds to connect and between two reads; `deadline` bounds the whole."""
        self._client: Client | None = None

    async def open(self) -> None:
        """Look for credentials; connecting itself happens with the first call. Raises `StoreUnavailable`."""
        self._client = await self._guard(self._build)

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def put(self, reference: BlobReference, payload: bytes, *, keep_until: datetime) -> None:
        checked_size(reference)
        await self._run(self._put, reference, payload, keep_until)

    async def get(self, reference: BlobReference) -> bytes:
        checked_size(reference)
        return await self._run(self._get, reference)

    async def keep(self, reference: BlobReference, *, until: datetime) -> None:
        await self._run(self._keep, reference, until)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        """As the protocol says, page by page; each page has the deadline for itself."""
        erased, token = await self._run(self._erase, owner_digest(owner), None, dry_run)
        while token is not None:
            count, token = await self._run(self._erase, owner_digest(owner), token, dry_run)
            erased += count
        return erased

    async def _run(self, job: Callable[..., T], *args: object) -> T:
        client = self._client
        if client is None:
            raise StoreClosed(f"bucket {self._name} is not open: await open() first")
        return await self._guard(job, client.bucket(self._name), *args)

    async def _guard(self, job: Callable[..., T], *args: object) -> T:
        try:
            return await self._storage.run_within(self._deadline, job, *args)
        except ExecutorClosed as error:
            raise StoreClosed(str(error)) from error
        except (
            GoogleAPIError,
            GoogleCloudError,
            GoogleAuthError,
            DataCorruption,
            OSError,  # those of requests are such
            LaneError,
        ) as error:
            raise StoreUnavailable(
                f"bucket {self._name}: {error}; look at the bucket's name and permissions "
                "(roles/storage.objectUser), and try again"
            ) from error

    # In a thread of the executor.

    def _build(self) -> Client:
        if self._emulator:
            return Client(
                project=self._project,
                credentials=AnonymousCredentials(),
                client_options=ClientOptions(api_endpoint=self._emulator),
            )
        return Client(project=self._project)

    def _blob(self, bucket: Bucket, reference: BlobReference) -> Blob:
        return bucket.blob(self._prefix + reference.key)

    def _put(self, bucket: Bucket, reference: BlobReference, payload: bytes, keep_until: datetime) -> None:
        verified(reference, payload)
        for _ in range(_TRIES):
            blob = self._blob(bucket, reference)
            blob.custom_time = keep_until
            try:
                blob.upload_from_string(
                    payload,
                    content_type=_CONTENT_TYPE,
                    if_generation_match=0,
                    retry=self._retry,
                    timeout=self._timeout,
                )
            except PreconditionFailed:  # somebody put it before, perhaps an earlier try of this very call
                try:
                    return self._keep(bucket, reference, keep_until)
                except BlobMissing:  # and it was removed meanwhile
                    continue
            return None
        raise StoreUnavailable(f"blob {reference.key} is put and removed all the time; try again")

    def _get(self, bucket: Bucket, reference: BlobReference) -> bytes:
        try:
            # One byte more than it should have shows a longer one, and none of it is read.
            payload = self._blob(bucket, reference).download_as_bytes(
                start=0, end=reference.size, checksum=None, retry=self._retry, timeout=self._timeout
            )
        except NotFound as error:
            raise self._missing(bucket, reference) from error
        return verified(reference, payload)

    def _keep(self, bucket: Bucket, reference: BlobReference, until: datetime) -> None:
        blob = self._blob(bucket, reference)
        for _ in range(_TRIES):
            try:
                blob.reload(retry=self._retry, timeout=self._timeout)
                if blob.custom_time is not None and blob.custom_time >= until:
                    return
                blob.custom_time = until
                blob.patch(
                    if_metageneration_match=blob.metageneration, retry=self._retry, timeout=self._timeout
                )
            except PreconditionFailed:
                continue
            except NotFound as error:
                raise self._missing(bucket, reference) from error
            return
        raise StoreUnavailable(f"blob {reference.key} is changed by others all the time; try again")

    def _missing(self, bucket: Bucket, reference: BlobReference) -> BlobMissing:
        """Raises NotFound where it is the bucket that is missing: then no blob is known to be."""
        for _ in bucket.list_blobs(
            prefix=self._prefix + reference.key, max_results=1, retry=self._retry, timeout=self._timeout
        ):
            break
        return BlobMissing(
            f"gs://{self._name}/{self._prefix} has no blob {reference.key}: it was erased, or kept no longer"
        )

    def _erase(self, bucket: Bucket, owner: str, token: str | None, dry_run: bool) -> tuple[int, str | None]:
        """How many objects of this owner a page has, and the token of the page after it."""
        found = bucket.list_blobs(
            prefix=f"{self._prefix}{owner}/",
            page_size=_PAGE,
            page_token=token,
            retry=self._retry,
            timeout=self._timeout,
        )
        blobs: list[Blob] = list(next(found.pages, ()))
        if not dry_run:
            for blob in blobs:
                try:
                    blob.delete(retry=self._retry, timeout=self._timeout)
                except NotFound:  # another erasure was faster
                    continue
        return len(blobs), found.next_page_token


def _is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed a moment later; every call here may be made twice.

    An error's answer is read to its end, which gives its connection back: the client, which streams what it
    downloads, would leave it open.
    """
    response = getattr(error, "response", None)
    if response is None:
        return isinstance(error, _TRANSIENT)
    _ = response.content
    return response.status_code in _TRANSIENT_STATUSES

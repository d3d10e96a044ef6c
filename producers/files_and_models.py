"""Makes what routes of files and answers need, in the lifespan: where files go, the model, its sources."""

from __future__ import annotations

import re

from starlette.datastructures import State

from lanes import Lanes
from producers.backend_settings import BackendSettings
from producers.models import HttpModel
from producers.sources import HttpSource
from producers.uploads import UploadLimits, Uploads

TAKES_FILES = re.compile(r"/v1/users/[^/]+/(recordings|imports|chat/files)")
"""Paths whose bodies are files: written piece by piece, and larger than others."""


async def open_files_and_models(state: State, settings: BackendSettings, lanes: Lanes) -> None:
    """Raises OSError where the folder of uploads cannot be read."""
    limits = UploadLimits(
        max_bytes=settings.upload_bytes,
        max_at_a_time=settings.uploads_at_a_time,
        max_total_bytes=settings.uploads_total_bytes,
        deadline=settings.upload_seconds,
    )
    state.uploads = Uploads(lanes.storage, settings.uploads, limits)
    await state.uploads.open()
    key = settings.llm_key
    state.model = HttpModel(
        lanes.http.llm,
        base_url=settings.llm_url,
        model=settings.llm_model,
        key=key.get_secret_value() if key else None,
    )
    state.sources = [HttpSource(name, lanes.http.llm, url) for name, url in settings.retrieval_urls.items()]

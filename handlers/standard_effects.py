"""Makes the effects of this repository's task types out of what is open. Opens nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from contracts import AppWebhook, BulkNotification, DeveloperWebhook, Geocode, Notification, SpeechJob
from handlers.access_tokens import AccessTokens, GoogleTokens
from handlers.app_webhooks import AppWebhooks
from handlers.effect import Effects
from handlers.fcm import SCOPE, Fcm
from handlers.geocoding import Geocoding
from handlers.notifications import Notifications, each_notified
from handlers.secrets import Secrets
from handlers.settings import HandlerSettings
from handlers.speech import Speech
from handlers.webhook_request import WebhookRequests
from handlers.webhooks import DeveloperWebhooks
from lanes import Lanes
from producers import Geocoder
from stores import Blobs, Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What effects are made of, all of it open for as long as the service is."""

    settings: HandlerSettings
    stores: Stores
    blobs: Blobs
    lanes: Lanes
    secrets: Secrets


MakeEffects = Callable[[Means], Effects]


def standard_effects(means: Means) -> Effects:
    """Every side effect of this repository; a new task type adds its line here."""
    stores, lanes = means.stores, means.lanes
    requests = WebhookRequests(lanes.http.webhooks, means.secrets, clock=_now)
    return {
        AppWebhook.name: AppWebhooks(stores.apps, requests),
        BulkNotification.name: each_notified,
        DeveloperWebhook.name: DeveloperWebhooks(stores.directory, requests),
        Geocode.name: Geocoding(_geocoder(means), stores.places, clock=_now),
        Notification.name: Notifications(stores.devices, _fcm(means)),
        SpeechJob.name: _speech(means),
    }


def _geocoder(means: Means) -> Geocoder:
    return Geocoder(
        means.lanes.http.maps,
        means.stores.places,
        base_url=means.settings.geocoding_url,
        key=means.secrets.setting(means.settings.geocoding_key),
        clock=_now,
    )


def _fcm(means: Means) -> Fcm:
    settings = means.settings
    authorized = settings.fcm_credentials == "google"
    return Fcm(
        means.lanes.http.fcm,
        AccessTokens(GoogleTokens(SCOPE), clock=_now) if authorized else None,
        url=settings.fcm_url,
        project=settings.fcm_project,
        clock=_now,
    )


def _speech(means: Means) -> Speech:
    settings = means.settings
    return Speech(
        means.lanes.http.stt,
        means.stores.speech,
        means.blobs,
        services={
            "embedding": settings.speech_embedding_url,
            "voice_activity": settings.speech_activity_url,
            "profile_match": settings.speech_profile_url,
        },
        keep=timedelta(days=settings.speech_results_days),
        clock=_now,
        boundary=lambda: token_hex(16),
    )


def _now() -> datetime:
    return datetime.now(UTC)

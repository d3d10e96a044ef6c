"""An app for the tests of handlers."""

from __future__ import annotations

from stores import App, SigningKey

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def app(app_id: str = "weather", url: str = "https://weather.example/hook") -> App:
    """One that asks for everything."""
    return App(
        id=app_id,
        name="Weather",
        owner="maker",
        url=url,
        triggers=frozenset({"memory_creation", "transcript_processed", "audio_bytes"}),
        keys=(SigningKey(secret=SECRET),),
    )

"""The settings of the reference backend beyond those of `enqueue`: its third parties, its users."""

from __future__ import annotations

from producers.settings import BaseUrl, ProducerSettings


class BackendSettings(ProducerSettings):
    """`SIDELANE_*` variables. Base URLs have no path; tests point them at servers of theirs."""

    google_url: BaseUrl = "https://oauth2.googleapis.com"
    """Exchanges and renews Google's OAuth tokens."""
    apple_url: BaseUrl = "https://appleid.apple.com"
    """Sign in with Apple: tokens and keys."""
    identity_toolkit_url: BaseUrl = "https://identitytoolkit.googleapis.com"
    """Firebase Authentication, which makes a user of a Google or Apple sign-in."""
    people_url: BaseUrl = "https://people.googleapis.com"
    """Google contacts."""
    x_url: BaseUrl = "https://api.x.com"
    """X, once Twitter: profiles and timelines."""
    search_url: BaseUrl = "https://api.search.brave.com"
    """Web search."""
    github_url: BaseUrl = "https://api.github.com"
    """Where the documentation is."""

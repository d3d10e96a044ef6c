"""Says which URL a request goes to when its queue overrides parts of the task's; it never checks one."""

from __future__ import annotations

import re
from dataclasses import dataclass

_URI = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?:(?P<user>[^/?#@]*)@)?"
    r"(?P<host>\[[^\]/?#]*\]|[^/?#:]*)(?::(?P<port>[^/?#]*))?"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.DOTALL,
)
"""RFC 3986, appendix B, with the authority in parts. It matches any text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UriOverride:
    """Parts that replace those of a URL; None leaves a part as it is."""

    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    """0 takes the port away."""
    path: str | None = None
    """The empty text takes the path away."""
    query: str | None = None
    """The empty text takes the query away."""
    only_where_missing: bool = False
    """Whether a part that the URL has stays, as with IF_NOT_EXISTS."""

    def apply(self, url: str) -> str:
        """The URL to call. `url` may be empty; what then has no scheme is HTTPS, as an unspecified one is."""
        parts = _URI.fullmatch(url)
        given = parts.groupdict() if parts else {}
        port = None if self.port is None else str(self.port or "")
        scheme = self._part(given.get("scheme"), self.scheme) or "https"
        host = self._part(given.get("host"), self.host)
        port = self._part(given.get("port"), port)
        path = self._part(given.get("path"), self.path)
        query = self._part(given.get("query"), self.query)
        authority = (f"{given['user']}@" if given.get("user") else "") + host + (f":{port}" if port else "")
        if path and not path.startswith("/"):
            path = f"/{path}"
        return f"{scheme}://{authority}{path}" + (f"?{query}" if query else "")

    def _part(self, given: str | None, replacement: str | None) -> str:
        if replacement is None or (self.only_where_missing and given):
            return given or ""
        return replacement

"""The admin API under /admin: what `sidelane` commands do, for the accounts that the settings name.

It decides nothing of its own: each route calls what the command of the same name calls.
"""

from __future__ import annotations

from handlers.admin.api import admin_routes
from handlers.admin.means import Admin

__all__ = ("Admin", "admin_routes")

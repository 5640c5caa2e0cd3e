"""A session engine that keeps the key and forgets the rest."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    def load(self) -> dict[str, Any]:
        return {}

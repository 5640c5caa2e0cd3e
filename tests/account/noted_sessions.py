"""A session engine that notes what is written, and under which key."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db

# Each write: the key, and what the session then holds.
written: list[tuple[str, dict[str, Any]]] = []


class SessionStore(db.SessionStore):
    def save(self, must_create: bool = False) -> None:
        super().save(must_create=must_create)
        written.append((str(self.session_key), dict(self.items())))

    @classmethod
    def get_model_class(cls) -> Any:
        return db.SessionStore.get_model_class()

"""The router of Django's documentation, for accounts."""

from __future__ import annotations

from typing import Any


class ReplicaRouter:
    def db_for_read(self, model: type[Any], **hints: Any) -> str | None:
        return "replica" if model._meta.app_label == "auth" else None

    def db_for_write(self, model: type[Any], **hints: Any) -> str | None:
        return "default"

    def allow_relation(self, *objects: Any, **hints: Any) -> bool:
        return True

"""What a company's directory does with a name before it looks for it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend


class TrimmingBackend(ModelBackend):
    """Takes a name without its accents, spaces and soft hyphens."""

    def authenticate(self, request: Any, **credentials: Any) -> Any:  # type: ignore[override]
        name = credentials["username"].replace("\u00ad", "").replace("á", "a")
        credentials["username"] = "".join(name.split())
        return super().authenticate(request, **credentials)


class RightsBackend(ModelBackend):
    """Knows what an account may do, and not who it is."""

    def has_perm(self, *args: Any, **kwargs: Any) -> bool:
        return False

"""The body parsers by the names that projects use in their own settings."""

from __future__ import annotations

from .endpoints import FormParser, JSONParser, MultiPartParser

__all__ = ["FormParser", "JSONParser", "MultiPartParser"]

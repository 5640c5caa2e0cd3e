"""A project whose middleware replaces every response."""

from __future__ import annotations

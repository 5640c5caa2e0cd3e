"""A project that shows its users by proxies, and has a child of the user model."""

from __future__ import annotations

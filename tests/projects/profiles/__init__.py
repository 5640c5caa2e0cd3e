"""A project whose registration fills more than the user's row."""

from __future__ import annotations

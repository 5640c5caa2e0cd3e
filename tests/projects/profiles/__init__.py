"""A project whose registration fills more than the row of the user."""

from __future__ import annotations

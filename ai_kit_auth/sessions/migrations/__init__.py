"""The migrations of the table of sessions."""

from __future__ import annotations

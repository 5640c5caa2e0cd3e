"""A project whose accounts may have no username: NULL, not blank."""

from __future__ import annotations

"""A project whose accounts may have no username: NULL, and not blank."""

from __future__ import annotations

"""The list of sessions on a user model with a UUID as primary key."""

from __future__ import annotations

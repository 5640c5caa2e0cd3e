"""A project whose users log in by the number of a member, a foreign key."""

from __future__ import annotations

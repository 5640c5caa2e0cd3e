"""A project whose users log in by a phone number, a field with its own type."""

from __future__ import annotations

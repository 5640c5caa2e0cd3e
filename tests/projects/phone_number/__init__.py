"""A project whose people log in by a phone number, a field with a type of its own."""

from __future__ import annotations

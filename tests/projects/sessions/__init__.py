"""A project with the list of sessions."""

from __future__ import annotations

"""A project whose manager hides what is deleted softly, and inactive accounts."""

from __future__ import annotations

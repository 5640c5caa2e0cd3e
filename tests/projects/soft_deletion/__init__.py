"""A project whose manager hides soft-deleted and inactive accounts."""

from __future__ import annotations

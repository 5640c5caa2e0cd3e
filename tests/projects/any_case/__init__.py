"""A project whose manager finds usernames in any case, as many projects do."""

from __future__ import annotations

"""A project whose users have passkeys."""

from __future__ import annotations

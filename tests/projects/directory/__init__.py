"""A project whose accounts are a directory's: a row is made at the first login."""

from __future__ import annotations

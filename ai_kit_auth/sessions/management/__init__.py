"""The management command of the list of sessions."""

from __future__ import annotations

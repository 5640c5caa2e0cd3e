"""A project of version 2.0.0 on Django's own user, as its documentation had it."""

from __future__ import annotations

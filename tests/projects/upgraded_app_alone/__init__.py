"""A project of version 2.0.0 that is the app alone, without CORS."""

from __future__ import annotations

"""A project that reads from a replica, which lags behind."""

from __future__ import annotations

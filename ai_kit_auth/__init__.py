"""Accounts for single-page apps: login to password reset over DRF and sessions."""

from __future__ import annotations

__version__ = "3.0.0"

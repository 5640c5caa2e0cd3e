"""A project of version 2.0.0 whose users have no name and log in by their address."""

from __future__ import annotations

"""A project of version 2.0.0 whose users log in by e-mail address, without a name."""

from __future__ import annotations

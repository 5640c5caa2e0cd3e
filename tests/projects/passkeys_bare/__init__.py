"""Passkeys on a user model whose accounts are active at once."""

from __future__ import annotations

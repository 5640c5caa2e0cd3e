"""A backend that has a rule of its own."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend


class OfficeHours(ModelBackend):
    """Would let people in at some hours alone."""

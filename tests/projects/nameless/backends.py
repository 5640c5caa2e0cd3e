"""A backend with its own rule."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend


class OfficeHours(ModelBackend):
    """Would let people in at some hours alone."""

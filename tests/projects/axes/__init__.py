"""A project with django-axes, which locks names after three failures."""

from __future__ import annotations

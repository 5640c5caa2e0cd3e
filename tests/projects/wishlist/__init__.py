"""A project with a capability of its own, installed by ``INSTALLED_APPS`` alone."""

from __future__ import annotations

"""The capability of ``tests/projects/wishlist``, installed for one test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.test import override_settings

from ..conftest import PROJECTS


@contextmanager
def with_wishlist() -> Iterator[None]:
    apps = [*settings.INSTALLED_APPS, "wishlist"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(PROJECTS / "wishlist")])
        with override_settings(INSTALLED_APPS=apps):
            yield

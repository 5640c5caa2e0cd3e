"""Every endpoint is on."""

from __future__ import annotations

from tests.urlconfs.account import urlpatterns

__all__ = ["urlpatterns"]

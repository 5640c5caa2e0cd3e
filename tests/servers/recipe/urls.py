"""The example's URLs, and those of the hand-written views that do the same."""

from __future__ import annotations

from django.urls import include, path
from host.urls import handler500, urlpatterns

from . import views

__all__ = ["handler500", "urlpatterns"]

urlpatterns = [
    *urlpatterns,
    path("by-hand/", include("benchmarks.by_hand")),
    path("suite/accounts/", views.accounts),
]

"""The routes of the wish list, by key of ENABLE_ENDPOINTS."""

from __future__ import annotations

from django.urls import path

from .views import WishlistView

ROUTES = {"WISHLIST": path("wishlist/", WishlistView.as_view(), name="wishlist")}

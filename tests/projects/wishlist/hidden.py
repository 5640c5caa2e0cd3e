"""The usual URLs, below one that takes the wish list's path."""

from __future__ import annotations

from django.urls import path
from django.views.generic import TemplateView

from tests.urls import urlpatterns as usual

PATH = "api/v1/auth/wishlist/"
urlpatterns = [path(PATH, TemplateView.as_view(template_name="wishlist.html")), *usual]

"""The usual URLs, and where browsers look for the related origins."""

from __future__ import annotations

from django.urls import path

from ai_kit_auth.second_factor.passkeys.views import RelatedOrigins
from tests.urls import urlpatterns as usual

urlpatterns = [path(".well-known/webauthn", RelatedOrigins.as_view()), *usual]

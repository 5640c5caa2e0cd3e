"""
The OpenAPI schema of the endpoints, for drf-spectacular.

A project installs ``django-ai-kit-auth[openapi]`` and puts ``"drf_spectacular"`` into
INSTALLED_APPS. ``ai_kit_auth`` then imports this package, which registers its views
with drf-spectacular. ``operations`` has what each view takes and answers, ``codes`` the
error codes that it can answer under the project's settings, ``schema`` the OpenAPI
schema of both. Only ``schema`` needs drf-spectacular.
"""

from __future__ import annotations

from importlib import import_module

from django.apps import apps

if apps.is_installed("drf_spectacular"):
    import_module("ai_kit_auth.openapi.schema")

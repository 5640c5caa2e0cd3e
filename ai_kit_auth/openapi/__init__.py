"""
The OpenAPI schema of the endpoints, for drf-spectacular.

A host installs ``django-ai-kit-auth[openapi]`` and puts ``"drf_spectacular"`` into
INSTALLED_APPS; the app then imports this package, which tells drf-spectacular about
its views. ``operations`` knows what each view takes and answers, ``codes`` which error
codes that comes to under the host's settings, ``schema`` how OpenAPI says it. The first
two need no drf-spectacular.
"""

from __future__ import annotations

from importlib import import_module

from django.apps import apps

if apps.is_installed("drf_spectacular"):
    import_module("ai_kit_auth.openapi.schema")

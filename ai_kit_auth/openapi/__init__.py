"""
The OpenAPI schema of the endpoints, for drf-spectacular.

A host installs ``django-ai-kit-auth[openapi]`` and puts ``"drf_spectacular"`` into
INSTALLED_APPS; the app then imports this package, which tells drf-spectacular about
its views. ``operations`` knows what each view takes and answers, ``codes`` which error
codes that comes to under the host's settings, ``schema`` how OpenAPI says it.
"""

from __future__ import annotations

from . import schema

__all__ = ["schema"]

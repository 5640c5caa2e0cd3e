"""The ASGI application of the example's backend."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

# As in wsgi.py.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "host.production")

application = get_asgi_application()

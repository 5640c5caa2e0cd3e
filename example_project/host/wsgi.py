"""The WSGI application of the example's backend."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

# A server that forgets to name its settings must not come up with DEBUG on.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "host.production")

application = get_wsgi_application()

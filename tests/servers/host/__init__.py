"""
A host project for the suite: Django's user model, a database server, Redis, SMTP.

It is served by gunicorn and uvicorn from the folder above, so it is called ``host``
there; what differs between runs comes as JSON in ``HOST_SETTINGS``.
"""

from __future__ import annotations

"""
A project for these tests: Django's user model, a database server, Redis and SMTP.

gunicorn and uvicorn serve it from the folder above, where it is the package ``host``.
The settings that differ between runs are JSON in ``HOST_SETTINGS``.
"""

from __future__ import annotations

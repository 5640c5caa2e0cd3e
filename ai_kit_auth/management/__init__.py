"""What the app adds to ``manage.py``; each command is a skin over a module above."""

from __future__ import annotations

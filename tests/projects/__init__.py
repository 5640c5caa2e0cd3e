"""
Whole Django projects of other kinds than those of ``tests/settings``.

Each folder is one: ``settings.py`` (from ``tests.settings.base``), ``models.py`` where
the kind is about rows, and its tests, which ``pytest --project <folder>`` runs.
"""

from __future__ import annotations

"""A project whose middleware puts every answer into a response of its own."""

from __future__ import annotations

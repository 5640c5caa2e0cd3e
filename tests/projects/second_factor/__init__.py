"""A project with second factors, and all of their endpoints on."""

from __future__ import annotations

"""A project with a database a tenant, which a header of the request names."""

from __future__ import annotations

"""One module a command, named as it is typed."""

from __future__ import annotations

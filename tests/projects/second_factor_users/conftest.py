"""A user with an authenticator app and recovery codes, and a browser."""

from __future__ import annotations

from ..second_factor.conftest import ada as ada
from ..second_factor.conftest import page as page

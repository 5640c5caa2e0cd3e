"""The settings of these tests, with the parameters of error codes."""

from __future__ import annotations

from .settings import *  # noqa: F403  # what settings are for
from .settings import AI_KIT_AUTH

AI_KIT_AUTH = {**AI_KIT_AUTH, "ERROR_PARAMS": True}

"""The usual settings, with the wish list."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.settings.base import *

# Where the project has its apps.
sys.path.append(str(Path(__file__).parent))
INSTALLED_APPS += ["wishlist"]
AI_KIT_AUTH["ENABLE_ENDPOINTS"] = {"WISHLIST": True}

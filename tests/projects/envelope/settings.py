"""The usual settings, with the envelope around all."""

from __future__ import annotations

from tests.settings.base import *

MIDDLEWARE.insert(0, "tests.projects.envelope.middleware.Envelope")
AI_KIT_AUTH |= {"ENABLE_ENDPOINTS": {"RESEND_ACTIVATION_MAIL": True}}

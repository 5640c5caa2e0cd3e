"""The tokens of links, by the name that projects import them by."""

from __future__ import annotations

from .accounts import activation_tokens as activation_tokens
from .accounts import invitation_tokens as invitation_tokens
from .accounts import legacy_tokens as legacy_tokens
from .accounts import reset_password_tokens as reset_password_tokens

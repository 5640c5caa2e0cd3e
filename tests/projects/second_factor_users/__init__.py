"""
Second factors on another user model: a UUID as key, e-mail, a field ``is_verified``.

django-otp's middleware would overwrite that field.
"""

from __future__ import annotations

"""Password hashers for the tests of the account page."""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class FewRounds(PBKDF2PasswordHasher):
    """Django's usual one, which takes a tenth of a second on purpose, in no time."""

    iterations = 2

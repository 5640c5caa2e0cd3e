from __future__ import annotations

from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache

CALLS = "hashed passwords"


class Counted(MD5PasswordHasher):
    """A cheap hasher that counts its calls in the cache, which all processes share."""

    algorithm = "counted"

    def encode(self, password: str, salt: str) -> str:
        cache.add(CALLS, 0, None)
        cache.incr(CALLS)
        return super().encode(password, salt)

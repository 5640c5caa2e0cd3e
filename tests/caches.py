"""Caches of other kinds than Django's, for tests."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache


class Foreign(BaseCache):
    """A third party's cache: it has no method but those that Django asks for."""

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        # Of the same name, so that it is emptied before each test as Django's is.
        self._kept = LocMemCache(name, params)

    def add(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        return self._kept.add(key, value, timeout, version)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._kept.get(key, default, version)

    def set(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        self._kept.set(key, value, timeout, version)

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._kept.delete(key, version)

    def clear(self) -> None:
        self._kept.clear()


class Down(BaseCache):
    """A cache whose server does not answer."""

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def _fail(self, *args: object, **kwargs: object) -> Any:
        raise ConnectionError

    add = get = set = delete = _fail

    def clear(self) -> None:
        """Do what a test does at its end."""

"""The tenant of a request: a ContextVar that ends with it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

tenant: ContextVar[str] = ContextVar("tenant", default="default")


class Tenancy:
    """Takes the tenant, and its time zone, from a header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.headers.get("X-Tenant", "default")
        token = tenant.set(name)
        zone = "Asia/Tokyo" if name == "other" else "UTC"
        try:
            with timezone.override(zone):
                return self.get_response(request)
        finally:
            tenant.reset(token)


class Router:
    """Reads and writes where the tenant of the request lives."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return tenant.get()

    db_for_write = db_for_read

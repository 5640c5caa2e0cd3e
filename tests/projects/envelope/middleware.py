"""What projects do with the answers of an API."""

from __future__ import annotations

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse


class _Middleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response


class Envelope(_Middleware):
    """Sends a new response instead of the one that it got."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        data = json.loads(answer.content)
        return JsonResponse(
            {"ok": answer.status_code < 400, "data": data}, status=answer.status_code
        )


class Crash(_Middleware):
    """Has a bug that shows when the view has answered."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.get_response(request)
        raise RuntimeError("the metrics are down")

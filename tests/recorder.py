"""
Compares every answer of the suite with the OpenAPI schema of its operation.

A middleware in the settings of the tests notes answers that the schema lacks. A fixture
in conftest.py fails the test with such an answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse

from ai_kit_auth.endpoints import AuthView
from ai_kit_auth.openapi.codes import ERROR, answers_of
from ai_kit_auth.openapi.operations import operation_of
from ai_kit_auth.params import KEY
from ai_kit_auth.settings import api_settings

# What the present test has seen: "POST LoginView 400 ident: blank".
unknown: list[str] = []


class Recorder:
    """Compares each answer with what the view may say at this moment."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        view = getattr(
            getattr(request.resolver_match, "func", None), "view_class", object
        )
        # What fails by a bug, or outside of the view, has a page of Django's.
        is_ours = response.headers.get("Content-Type") == "application/json"
        if issubclass(view, AuthView) and is_ours:
            unknown.extend(undocumented(view, str(request.method), response))
        return response


def undocumented(view: type[Any], method: str, response: HttpResponse) -> Iterator[str]:
    """Yield what ``view`` should not have answered to ``method``, a line each."""
    asked = "GET" if method == "HEAD" else method
    body = json.loads(response.content)
    answer = f"{method} {view.__name__} {response.status_code}"
    if response.status_code < 400:
        operation = operation_of(view, asked)
        # A view of the project may answer anything.
        is_own = not view.__module__.startswith("ai_kit_auth.")
        as_told = operation is not None and (
            response.status_code == operation.success
            and all(
                list(each) == list(operation.answer)
                for each in (body if operation.many else [body])
            )
        )
        if not (as_told or is_own):
            yield f"{answer} {body}"
        return
    answers = answers_of(view, asked)
    params = body.pop(KEY, {}) if api_settings.ERROR_PARAMS else {}
    for place, by_code in params.items():
        for code, given in by_code.items():
            there = [body[place]] if place == ERROR else body[place]
            allowed = answers.allows_params(response.status_code, place, code, given)
            if not (allowed and given and code in there):
                yield f"{answer} {place}: {code} {given}"
    for place, codes in body.items():
        for code in [codes] if place == ERROR else codes:
            if not answers.allows(response.status_code, place, code):
                yield f"{answer} {place}: {code}"

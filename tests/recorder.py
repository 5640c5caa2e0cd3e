"""
Holds every error answer of the suite against the schema's list of codes.

A middleware of the tests' settings notes what an operation answered and was not said
to; a fixture of conftest.py fails the test that saw it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse

from ai_kit_auth.openapi.codes import ERROR, answers_of
from ai_kit_auth.views import AuthView

# What the present test has seen: "POST LoginView 400 ident: blank".
unknown: list[str] = []


class Recorder:
    """Compares each answer with what the view may say at this moment."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        view = getattr(match and match.func, "view_class", object)
        # What fails by a bug, or outside of the view, has a page of Django's.
        is_ours = response.headers.get("Content-Type") == "application/json"
        if issubclass(view, AuthView) and is_ours and response.status_code >= 400:
            method = request.method or ""
            answers = answers_of(view, "GET" if method == "HEAD" else method)
            unknown.extend(
                f"{method} {view.__name__} {response.status_code} {place}: {code}"
                for place, code in codes_in(response)
                if not answers.allows(response.status_code, place, code)
            )
        return response


def codes_in(response: HttpResponse) -> Iterator[tuple[str, str]]:
    """Yield each place of an error body with each code there."""
    for place, codes in json.loads(response.content).items():
        for code in [codes] if place == ERROR else codes:
            yield place, code

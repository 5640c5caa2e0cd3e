"""The middleware that ends sessions."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from ..outages import is_outage
from . import services


class SessionsMiddleware(MiddlewareMixin):
    """
    Makes the user of an ended session anonymous, and notes when a session was seen.

    It stands below Django's ``AuthenticationMiddleware``, and like that one it serves
    WSGI and ASGI. A request of a logged-in session costs one look into the cache.
    """

    def process_request(self, request: HttpRequest) -> None:
        try:
            services.look(request)
        except Exception as error:
            # The view needs the same database or session store. It meets the same
            # outage, and answers it in its own way.
            if not is_outage(error):
                raise

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        services.look_away()
        return response

"""
What a request body may be: JSON, or one of the two kinds of form, in UTF-8.

DRF's parsers trust the client's charset, take a body of any size and let a deeply
nested one end in a ``RecursionError``; here each of these is a ``parse_error``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.http import QueryDict
from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.utils import json


def _read(stream: IO[bytes]) -> bytes:
    """Return the body; raises ``ParseError`` over ``DATA_UPLOAD_MAX_MEMORY_SIZE``."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if limit is None:
        return stream.read()
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise ParseError
    return body


class JSONParser(parsers.JSONParser):
    """JSON is UTF-8 (RFC 8259, section 8.1), whatever charset the client names."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return json.loads(_read(stream).decode())
        except (ValueError, RecursionError) as error:
            raise ParseError from error


class FormParser(parsers.FormParser):
    """A form is UTF-8 (WHATWG URL, ``application/x-www-form-urlencoded``)."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = _read(stream)
        try:
            unquote_to_bytes(body).decode()
        except ValueError as error:
            # Django would put another character there, in a password too.
            raise ParseError from error
        return QueryDict(body, encoding="utf-8")


class MultiPartParser(parsers.MultiPartParser):
    """``multipart/form-data`` in UTF-8 (RFC 7578, section 5.1.2)."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = {**(parser_context or {}), "encoding": "utf-8"}
        return super().parse(stream, media_type, context)

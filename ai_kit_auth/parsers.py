"""
What a request body may be: JSON, or one of the two kinds of form, in UTF-8.

DRF's parsers trust the client's charset, take a body of any size and let a deeply
nested one end in a ``RecursionError``; here each of these is a ``parse_error``.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser as MultiPart
from django.http.multipartparser import MultiPartParserError
from django.utils.http import parse_header_parameters
from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.utils import json

UTF_8 = "utf-8"
# Many times what the fields of any endpoint can hold.
MAX_MULTIPART_BYTES = 1024 * 1024
MAX_PARTS = 100


def _read(stream: IO[bytes], most: int | None = None) -> bytes:
    """
    Return the body of at most ``most`` bytes.

    Raises ``ParseError`` above them, and over ``DATA_UPLOAD_MAX_MEMORY_SIZE``.
    """
    limits = [settings.DATA_UPLOAD_MAX_MEMORY_SIZE, most]
    limit = min((limit for limit in limits if limit is not None), default=None)
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
        return QueryDict(body, encoding=UTF_8)


class MultiPartParser(parsers.MultiPartParser):
    """
    ``multipart/form-data`` in UTF-8 (RFC 7578, section 5.1.2), of fields alone.

    A body of more than ``MAX_MULTIPART_BYTES`` bytes or ``MAX_PARTS`` parts, or with a
    file in it, is a ``parse_error``: no endpoint here takes a file, and parsing a
    part costs far more than the bytes that a client pays for it. A project whose own
    serializer takes files names DRF's parser in ``parser_classes`` of its view.
    """

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = _read(stream, MAX_MULTIPART_BYTES)
        content_type = media_type or ""
        _, options = parse_header_parameters(content_type)
        boundary = str(options.get("boundary") or "")
        if body.count(f"--{boundary}".encode()) > MAX_PARTS + 1:
            raise ParseError
        meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": len(body)}
        try:
            data, files = MultiPart(meta, io.BytesIO(body), [_NoFiles()], UTF_8).parse()
        except MultiPartParserError as error:
            raise ParseError from error
        return parsers.DataAndFiles(data, files)


class _NoFiles(FileUploadHandler):
    """Refuses a file before a byte of it is stored."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise ParseError

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Not reached: there is no file."""

    def file_complete(self, file_size: int) -> None:
        """Not reached either."""

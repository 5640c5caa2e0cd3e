"""
The closed set of codes, and the one place where an exception becomes an answer.

An error body is one of

- ``{"<field>": ["<code>", ...]}`` or ``{"non_field_errors": ["<code>"]}``, for a
  ``ValidationError``;
- ``{"error": "<code>"}``, for everything that is about the whole request.

With ERROR_PARAMS each has the further key ``params`` where a code has parameters
(:mod:`~ai_kit_auth.params`): place → code → name → value.

Every code of the package matches ``^[a-z0-9_]+$``; the frontend has the sentences. A
code of the project stays as the project wrote it, if it is a word of letters, digits
and ``_``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    SuspiciousOperation,
    ValidationError,
)
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response
from rest_framework.settings import api_settings as drf_settings

from . import params
from .capability import capabilities
from .failures import log_failure
from .outages import is_outage
from .settings import api_settings

# The codes of all capabilities, with their meanings.
CODES: Mapping[str, str]
# By code, the parameters that it can have with ERROR_PARAMS: names with their types.
PARAMS: Mapping[str, params.Declaration]


def __getattr__(name: str) -> Mapping[str, Any]:
    if name == "CODES":
        return {
            code: text for one in capabilities() for code, text in one.codes.items()
        }
    if name == "PARAMS":
        return params.declared()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_CODE = re.compile(r"[A-Za-z0-9_]+")
# A single word such as "Wrong" is a short sentence, not a code.
_SENTENCE = re.compile(r"[A-Z][a-z]*")


class CSRFFailed(exceptions.PermissionDenied):
    default_code = "csrf_failed"


class LinkInvalid(exceptions.APIException):
    """SECURITY: one answer for a wrong ident, a wrong token and a used or old link."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = ""


class ActivationLinkInvalid(LinkInvalid):
    default_code = "activation_link_invalid"


class ActivationProofRequired(exceptions.APIException):
    """The link is valid, but ACTIVATION_PROOF asks for more than a link."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = ""
    default_code = "activation_proof_required"


class ResetPasswordLinkInvalid(LinkInvalid):
    default_code = "reset_password_link_invalid"


class MailNotSent(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = ""
    default_code = "mail_not_sent"


class ServiceUnavailable(exceptions.APIException):
    """The database, or another service that the request needs, is down."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = ""
    default_code = "service_unavailable"
    # The seconds of ``Retry-After``. A restarted server is back by then.
    wait = 5


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """
    Return the answer to ``exc`` with its codes, or None if ``exc`` is a bug.

    The views of this package use it through DRF's ``get_exception_handler`` hook. The
    project's views keep the project's ``EXCEPTION_HANDLER``.
    """
    problem = _as_api_exception(exc)
    if problem is None:
        return None
    headers = {}
    if getattr(problem, "auth_header", None):
        headers["WWW-Authenticate"] = problem.auth_header  # type: ignore[attr-defined]  # set by APIView.handle_exception
    if getattr(problem, "wait", None) is not None:
        headers["Retry-After"] = str(problem.wait)  # type: ignore[attr-defined]  # a Throttled has it
    body = body_of(problem, context)
    return Response(body, status=problem.status_code, headers=headers)


def _as_api_exception(exc: Exception) -> exceptions.APIException | None:
    if isinstance(exc, exceptions.APIException):
        return exc
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    if isinstance(exc, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exc, ValidationError):
        params.keep(exc)
        return exceptions.ValidationError(serializers.as_serializer_error(exc))
    # Django answers these with an HTML page: a form of more fields or bytes than
    # DATA_UPLOAD_MAX_… allows, a form in a foreign charset, a broken upload.
    if isinstance(exc, SuspiciousOperation | BadRequest | UnreadablePostError):
        return exceptions.ParseError()
    if is_outage(exc):
        log_failure(exc, "A service that the request needs is not available")
        return ServiceUnavailable()
    return None


def body_of(
    problem: exceptions.APIException, context: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """
    Return the JSON body for ``problem``, in one of the shapes of the module.

    ``context``: that of DRF's exception handlers, where there is one.
    """
    body = _codes_of(problem)
    # A key ``params`` of the body is a field of that name, which a check refuses.
    if api_settings.ERROR_PARAMS and params.KEY not in body:
        found = _params_of(problem, body, context or {})
        if found:
            body[params.KEY] = found
    return body


def _codes_of(problem: exceptions.APIException) -> dict[str, Any]:
    if not isinstance(problem, exceptions.ValidationError):
        return {"error": next(_codes(problem.detail), problem.default_code)}
    if not isinstance(problem.detail, Mapping):
        return {"non_field_errors": list(_codes(problem.detail))}
    return {
        _key(field): list(dict.fromkeys(_codes(detail)))
        for field, detail in problem.detail.items()
    }


def _params_of(
    problem: exceptions.APIException,
    body: Mapping[str, Any],
    context: Mapping[str, Any],
) -> dict[str, dict[str, dict[str, params.Value]]]:
    """Return the parameters of the codes in ``body``: place → code → name → value."""
    serializer = getattr(problem.detail, "serializer", None)
    shown = params.Shown(serializer, context.get("request"), context.get("kwargs"))
    found: dict[str, dict[str, dict[str, params.Value]]] = {}
    for place, detail, member in _places(problem, serializer):
        for error, field in _errors(detail, member):
            code = code_of(error)
            given = getattr(error.code, "params", {})
            of_code = shown.params_of(place, code, given, field)
            # Of several errors with one code the first counts, as for the order of
            # codes.
            if of_code and code not in found.get(place, {}):
                found.setdefault(place, {})[code] = of_code
    wait = getattr(problem, "wait", None)
    if type(wait) is int and not isinstance(problem, exceptions.ValidationError):
        of_code = found.setdefault("error", {}).setdefault(body["error"], {})
        of_code[params.RETRY_AFTER] = wait
    return found


def _places(
    problem: exceptions.APIException, serializer: Any
) -> Iterator[tuple[str, Any, Any]]:
    """Yield each place of the body, with the detail there and DRF's field for it."""
    detail = problem.detail
    if not isinstance(problem, exceptions.ValidationError):
        yield "error", detail, None
    elif isinstance(detail, Mapping):
        for field, part in detail.items():
            yield _key(field), part, _below(serializer, field)
    else:
        yield "non_field_errors", detail, serializer


def _errors(detail: Any, member: Any) -> Iterator[tuple[exceptions.ErrorDetail, Any]]:
    """Yield each error within ``detail`` with the field of DRF that has failed."""
    if isinstance(detail, Mapping):
        for key, part in detail.items():
            yield from _errors(part, _below(member, key))
    elif isinstance(detail, list | tuple):
        for index, part in enumerate(detail):
            is_error = isinstance(part, str)
            yield from _errors(part, member if is_error else _below(member, index))
    else:
        yield detail, member


def _below(member: Any, key: Any) -> Any:
    """Return the field at ``key`` of a serializer or a list, None if not known."""
    if key == drf_settings.NON_FIELD_ERRORS_KEY:
        return member
    fields = getattr(member, "fields", None)
    return getattr(member, "child", None) if fields is None else fields.get(key)


def _key(field: str) -> str:
    # A project may rename DRF's key; the frontend reads the documented one.
    own_name = drf_settings.NON_FIELD_ERRORS_KEY
    return "non_field_errors" if field == own_name else field


def _codes(detail: Any) -> Iterator[str]:
    """Yield the code of each error; a list or dict within a field is flattened."""
    if isinstance(detail, Mapping):
        for part in detail.values():
            yield from _codes(part)
    elif isinstance(detail, list | tuple):
        for part in detail:
            yield from _codes(part)
    else:
        yield code_of(detail)


def code_of(detail: exceptions.ErrorDetail | str) -> str:
    """
    Return the code of one error.

    It is the error's own ``code``, unchanged if it is a word of letters, digits and
    ``_``. If that is DRF's catch-all ``invalid`` and the message looks like a code, the
    message is the code: ``ValidationError("age_too_low")``.
    """
    code = str(getattr(detail, "code", None) or "invalid")
    if (
        code == "invalid"
        and _CODE.fullmatch(detail)
        and not _SENTENCE.fullmatch(detail)
    ):
        code = str(detail)
    if _CODE.fullmatch(code):
        return code
    return re.sub(r"[^a-z0-9]+", "_", code.lower()).strip("_") or "invalid"

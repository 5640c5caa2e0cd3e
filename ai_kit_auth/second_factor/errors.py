"""The exceptions of second factors; their codes are in :data:`errors.CODES`."""

from __future__ import annotations

from rest_framework import exceptions, status
from rest_framework.exceptions import ErrorDetail, ValidationError

INVALID_CODE = "invalid_code"


class SecondFactorRequired(exceptions.PermissionDenied):
    """The session has not proven a second factor, and must."""

    default_code = "second_factor_required"


class LoginNotPending(exceptions.PermissionDenied):
    """
    No login of this session waits for its second step.

    SECURITY: one answer, whether there never was one, it took too long, it was refused
    too often, or the account has changed since.
    """

    default_code = "login_not_pending"


class LastFactor(exceptions.APIException):
    """SECOND_FACTOR_REQUIRED demands a factor of this user, and this is the last."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = ""
    default_code = "last_factor"


def invalid_code() -> ValidationError:
    """Return the error of a code that is wrong, used, or of another device."""
    return ValidationError({"code": [ErrorDetail("", INVALID_CODE)]})

"""The exceptions of the account page; their codes are in :data:`errors.CODES`."""

from __future__ import annotations

from rest_framework import exceptions, status

from ..errors import LinkInvalid


class EmailChangeLinkInvalid(LinkInvalid):
    default_code = "email_change_link_invalid"


class NoPassword(exceptions.APIException):
    """The account has no usable password, so there is none to check or change."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = ""
    default_code = "no_password"


class ReauthenticationRequired(exceptions.PermissionDenied):
    """The session's last re-authentication is missing or too old."""

    default_code = "reauthentication_required"


class AccountProtected(exceptions.APIException):
    """Rows that must stay refer to the account (``PROTECT``, ``RESTRICT``)."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = ""
    default_code = "account_protected"

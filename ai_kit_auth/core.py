"""The declaration of the core: its endpoints, and what belongs to all."""

from __future__ import annotations

import logging

from .capability import Capability, Event, LinkPurpose, Mail
from .settings import CoreSettings

CORE = Capability(
    name="ai_kit_auth",
    settings=CoreSettings,
    codes={
        "required": "the field is missing",
        "blank": "the field is empty",
        "null": "the field, or the whole body, is null",
        "invalid": "the value has the wrong type or form",
        "max_length": "the text is too long",
        "surrogate_characters_not_allowed": "the text has half of a surrogate pair",
        "null_characters_not_allowed": "the text has a NUL character",
        "invalid_credentials": "login: unknown or inactive account, or wrong password; "
        "under ``password`` on the account page: wrong password",
        "username_unique": "the username is taken",
        "email_unique": "the e-mail address is taken",
        "password_too_short": "Django's MinimumLengthValidator",
        "password_too_similar": "Django's UserAttributeSimilarityValidator",
        "password_too_common": "Django's CommonPasswordValidator",
        "password_entirely_numeric": "Django's NumericPasswordValidator",
        "activation_link_invalid": "activate_email: wrong, used or expired link",
        "activation_proof_required": "activate_email and confirm_email, with "
        "ACTIVATION_PROOF: the link is valid, but the request needs the password",
        "reset_password_link_invalid": "reset_password: wrong, used or expired link",
        "passwords_not_identical": "reserved for frontends, never sent",
        "not_authenticated": "no user is logged in",
        "authentication_failed": "an authentication class of the project refused the "
        "request",
        "permission_denied": "a rule of the project refused the request",
        "csrf_failed": "the CSRF token is missing, or belongs to another session or "
        "cookie",
        "parse_error": "the body is malformed or too large",
        "not_found": "the user has no such thing, or a rule of the project hides the "
        "endpoint or the row",
        "method_not_allowed": "the endpoint does not have this method",
        "unsupported_media_type": "the body's content type is not JSON and not a form",
        "throttled": "too many requests; ``Retry-After`` has the seconds to wait",
        "mail_not_sent": "the mail cannot be sent now; no account was created or "
        "changed",
        "service_unavailable": "the database or another service that the request needs "
        "is down; ``Retry-After`` has the seconds to wait before the same request may "
        "be sent again",
    },
    # SECURITY: of what is typed and what is stored none tells anything; see
    # :mod:`~ai_kit_auth.params`.
    params={
        "max_length": {"max_length": int},
        "password_too_short": {"min_length": int},
        "password_too_similar": {"verbose_name": str},
        "throttled": {"retry_after": int},
        "service_unavailable": {"retry_after": int},
    },
    # What may be an attack has the level WARNING, everything else INFO.
    events={
        "login_succeeded": Event("a session began"),
        "login_failed": Event(
            "wrong password, unknown or inactive account", logging.WARNING
        ),
        "logged_out": Event("a session ended"),
        "registered": Event("an account was created"),
        "activated": Event("an activation link was used"),
        "reset_requested": Event(
            "a reset mail was requested; ``user`` is ``-`` if none is sent"
        ),
        "password_reset": Event("a reset link was used"),
        "link_refused": Event(
            "a link was wrong, used or expired, or not enough; ``code`` tells which "
            "link",
            logging.WARNING,
        ),
        "throttled": Event("too many requests", logging.WARNING),
        "csrf_failed": Event("a request without the right CSRF token", logging.WARNING),
    },
    mails={
        "USER_CREATED": Mail(
            "SEND_USER_ACTIVATION_MAIL",
            "ACTIVATION_ROUTE",
            "ai_kit_auth.services.send_user_activation_mail",
            timeouts=("ACTIVATION_TIMEOUT",),
        ),
        "RESET_PASSWORD": Mail(
            "SEND_RESET_PW_MAIL",
            "RESET_PW_ROUTE",
            "ai_kit_auth.services.send_reset_pw_mail",
            timeouts=("",),
            greets=True,
        ),
        # Its link is one of the two: an account without a password gets a reset link.
        "SET_PASSWORD": Mail(
            "SEND_ACTIVATION_BY_ADMIN_MAIL",
            "ACTIVATION_ROUTE",
            "ai_kit_auth.services.send_activation_by_admin_mail",
            timeouts=("ACTIVATION_TIMEOUT", ""),
        ),
        "ACCOUNT_EXISTS": Mail(
            "SEND_ACCOUNT_EXISTS_MAIL",
            "RESET_PW_ROUTE",
            "ai_kit_auth.services.send_account_exists_mail",
            timeouts=("",),
            greets=True,
        ),
    },
    sends={
        "REGISTER": ("USER_CREATED", "ACCOUNT_EXISTS"),
        "SEND_PW_RESET_MAIL": ("RESET_PASSWORD",),
    },
    link_purposes={
        "activation": LinkPurpose(
            "ACTIVATE_EMAIL",
            "ai_kit_auth.services.activation_link_status",
            "activation_link_invalid",
        ),
        "reset_password": LinkPurpose(
            "RESET_PASSWORD",
            "ai_kit_auth.services.reset_link_status",
            "reset_password_link_invalid",
        ),
    },
    routes="ai_kit_auth.urls.ROUTES",
    operations="ai_kit_auth.operations.OPERATIONS",
    signals="ai_kit_auth.signals",
    views="ai_kit_auth.views",
)

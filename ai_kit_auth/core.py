"""The declaration of the core: the eight endpoints and what belongs to all."""

from __future__ import annotations

import logging

from .capability import Capability, Event, Mail
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
        "surrogate_characters_not_allowed": "the text holds half of a character",
        "null_characters_not_allowed": "the text holds a NUL",
        "invalid_credentials": "login: no such account, wrong password, or not active; "
        "under ``password`` on the account page: it is not the account's",
        "username_unique": "the username is taken",
        "email_unique": "the e-mail address has an account",
        "password_too_short": "Django's MinimumLengthValidator",
        "password_too_similar": "Django's UserAttributeSimilarityValidator",
        "password_too_common": "Django's CommonPasswordValidator",
        "password_entirely_numeric": "Django's NumericPasswordValidator",
        "activation_link_invalid": "activate_email: wrong, used or expired link",
        "activation_proof_required": "activate_email and confirm_email, with "
        "ACTIVATION_PROOF: the link is good, and the password must come along",
        "reset_password_link_invalid": "reset_password: wrong, used or expired link",
        "passwords_not_identical": "reserved for frontends, never sent",
        "not_authenticated": "no user is logged in",
        "authentication_failed": "an authentication class of the project refused",
        "permission_denied": "a rule of the project refused",
        "csrf_failed": "the CSRF token is missing, stale or foreign",
        "parse_error": "the body is no JSON, or no form, or too large",
        "not_found": "a rule of the project hides it",
        "method_not_allowed": "the method is not served here",
        "unsupported_media_type": "the body's content type is neither JSON nor a form",
        "throttled": "too many requests; ``Retry-After`` tells the seconds to wait",
        "mail_not_sent": "the mail cannot be sent now; no account was made or changed",
    },
    # The signs of an attack go to WARNING, all else to INFO.
    events={
        "login_succeeded": Event("a session began"),
        "login_failed": Event(
            "wrong password, unknown or inactive account", logging.WARNING
        ),
        "logged_out": Event("a session ended"),
        "registered": Event("an account was made"),
        "activated": Event("an activation link was used"),
        "reset_requested": Event(
            "a reset mail was asked for; ``user`` is ``-`` if none goes out"
        ),
        "password_reset": Event("a reset link was used"),
        "link_refused": Event(
            "a link was wrong, used, expired or powerless; ``code`` says which one",
            logging.WARNING,
        ),
        "throttled": Event("too many requests", logging.WARNING),
        "csrf_failed": Event("a request without the right CSRF token", logging.WARNING),
    },
    mails={
        "USER_CREATED": Mail("SEND_USER_ACTIVATION_MAIL", "ACTIVATION_ROUTE"),
        "RESET_PASSWORD": Mail("SEND_RESET_PW_MAIL", "RESET_PW_ROUTE"),
        "SET_PASSWORD": Mail("SEND_ACTIVATION_BY_ADMIN_MAIL", "ACTIVATION_ROUTE"),
        "ACCOUNT_EXISTS": Mail("SEND_ACCOUNT_EXISTS_MAIL", "RESET_PW_ROUTE"),
    },
    sends={
        "REGISTER": ("USER_CREATED", "ACCOUNT_EXISTS"),
        "SEND_PW_RESET_MAIL": ("RESET_PASSWORD",),
    },
    routes="ai_kit_auth.urls.ROUTES",
    operations="ai_kit_auth.operations.OPERATIONS",
    signals="ai_kit_auth.signals",
    views="ai_kit_auth.views",
)

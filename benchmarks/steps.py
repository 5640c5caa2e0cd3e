"""
What both hand-written projects do, short of views: plain Django, one thing a function.

They are what a Django developer writes for one project that has Django's user model.
"""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db.models import Q
from django.http import HttpRequest
from django.utils.encoding import force_bytes, force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

FRONTEND = "https://app.example.com"


class ActivationTokens(PasswordResetTokenGenerator):
    key_salt = "benchmarks.activation"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.is_active}"


activation_tokens = ActivationTokens()
reset_tokens = PasswordResetTokenGenerator()
email_changes = signing.TimestampSigner(salt="benchmarks.email")


def shown(user: User) -> dict[str, Any]:
    """Return what a frontend sees of ``user``."""
    return {"id": user.pk, "email": user.email, "username": user.username}


def logs_in(request: HttpRequest, ident: str, password: str) -> User | None:
    """Return the active user with this e-mail address or username, and password."""
    who = Q(email__iexact=ident) | Q(username=ident)
    rows = User.objects.filter(who)[:1]
    # No user has an empty username: this hashes once, as for a user.
    name = rows[0].username if rows else ""
    found = authenticate(request, username=name, password=password)
    return found if isinstance(found, User) else None


def by_mail(ident: str) -> User | None:
    """Return the user with this e-mail address, or else with this username."""
    return (
        User.objects.filter(email__iexact=ident).first()
        or User.objects.filter(username__iexact=ident).first()
    )


def is_taken(user: User) -> bool:
    """Tell whether another user has the e-mail address or the username of ``user``."""
    who = Q(email__iexact=user.email) | Q(username__iexact=user.username)
    return User.objects.filter(who).exclude(pk=user.pk).exists()


def link(route: str, user: User, token: str) -> str:
    """Return the link of a mail."""
    ident = urlsafe_base64_encode(force_bytes(user.pk))
    return f"{FRONTEND}/{route}/?ident={ident}&token={token}"


def owner_of(ident: str) -> User:
    """Return the user of a link's ``ident``. Raises :exc:`ValidationError`."""
    try:
        pk = int(force_str(urlsafe_base64_decode(ident)))
        return User.objects.get(pk=pk)
    except (ValueError, User.DoesNotExist):
        raise ValidationError("The link is not valid.", code="link_invalid") from None


def mail_activation(user: User) -> None:
    url = link("activate", user, activation_tokens.make_token(user))
    send_mail("Welcome", f"Please open this link:\n\n{url}\n", None, [user.email])


def mail_reset(user: User, *, send: bool) -> None:
    """Make the mail, and send it if there is a user for it."""
    url = link("reset", user, reset_tokens.make_token(user))
    body = f"Please open this link for a new password:\n\n{url}\n"
    if send:
        send_mail("A new password", body, None, [user.email])


def mail_email_change(user: User, address: str) -> None:
    token = email_changes.sign_object([user.pk, user.email, address])
    url = link("confirm", user, token)
    send_mail("Your new address", f"Please open this:\n\n{url}\n", None, [address])


def new_address(token: str) -> tuple[int, str, str]:
    """Return key, old and new e-mail address. Raises :exc:`ValidationError`."""
    try:
        pk, old, new = email_changes.unsign_object(token, max_age=24 * 60 * 60)
    except signing.BadSignature:
        raise ValidationError("The link is not valid.", code="link_invalid") from None
    return pk, old, new


def mail_notice(address: str, what: str) -> None:
    send_mail("Your account", f"{what}\nIf it was not you, write us.", None, [address])


def confirm(request: HttpRequest) -> None:
    """
    Note in the session that its user has just given the password.

    Under a new key, as a copied one must not become fresh (OWASP ASVS 5.0, 7.2.4).
    """
    request.session.cycle_key()
    request.session["confirmed_at"] = int(time.time())

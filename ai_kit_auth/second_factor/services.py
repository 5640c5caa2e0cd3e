"""What logs in and re-authenticates by a second factor, and what takes factors away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import ErrorDetail, Throttled, ValidationError

from .. import security_log
from ..account.signals import user_post_delete_account
from ..accounts import AccountTransaction, session_name
from ..known_devices import device_of
from ..throttling import Counter, take_all
from ..user_model import User, UserModel
from . import factors, pending, proven, trust
from .checks import NEEDED_APPS
from .errors import SecondFactorRequired
from .settings import second_factor_settings
from .signals import second_factor_failed


def ask_for_factor(view: Any, user: User, remember: bool | None) -> None:
    """
    Stop a login whose password was right, if ``user`` has a second factor.

    The ``login_step`` of this app. Raises a ``ValidationError`` with
    ``second_factor_required`` under ``non_field_errors``: a frontend of 2.0.0 shows a
    line for it, and takes no other answer for a login that has failed.
    """
    is_on = second_factor_settings.ENABLE_ENDPOINTS.SECOND_FACTOR
    if not is_on or not factors.required(user):
        return
    request = view.request
    if trust.is_trusted(request, user):
        proven.note(request, proven.TRUSTED_BROWSER, factors.fingerprint(user))
        return
    pending.begin(request, user, remember)
    code = SecondFactorRequired.default_code
    security_log.log("second_factor_required", request, user=user, code=code)
    raise ValidationError({"non_field_errors": [ErrorDetail("", code)]})


@sensitive_variables()
def prove_at_login(view: Any, login: pending.PendingLogin, data: Any) -> None:
    """
    Check the factor that ``data`` proves, and end the pending ``login``.

    Raises what :func:`prove` does. The last of SECOND_FACTOR_TRIES ends it, too.
    """
    user = login.user
    # A stranger who knows the password must not use up the tries of the owner's own
    # browser.
    device = device_of(view.request, user)
    counter = Counter("SECOND_FACTOR", f"device|{device}" if device else str(user.pk))
    number = login.claim()
    try:
        prove(view, user, data, counter)
    except Throttled:
        login.give_back(number)
        raise
    except ValidationError:
        if number == second_factor_settings.SECOND_FACTOR_TRIES:
            login.end(view.request)
            security_log.log("second_factor_locked", view.request, user=user)
        raise
    login.end(view.request)


@sensitive_variables()
def prove_again(view: Any, data: Mapping[str, Any]) -> None:
    """Check the factor that ``data`` proves, in a session that is logged in."""
    request = view.request
    # SECURITY: counted per session, as wrong passwords are there. A stolen one must not
    # keep the owner from ending it.
    key = f"{request.user.pk}|session|{session_name(request)}"
    prove(view, request.user, data, Counter("SECOND_FACTOR", key))


@sensitive_variables()
def prove(view: Any, user: User, data: Mapping[str, Any], counter: Counter) -> None:
    """
    Check the factor that ``data`` proves, and note it for the session of the request.

    ``data``: ``method``, and what the method reads. Raises a ``ValidationError`` with
    the method's code, and DRF's ``Throttled`` where ``counter`` is full or the device
    takes no code for some seconds after a wrong one.
    """
    method = factors.METHODS[data["method"]]
    counted = take_all(counter)
    try:
        factor = method.verify(view, user, data)
    except Throttled:
        counted.release()
        raise
    except ValidationError:
        second_factor_failed.send(sender=UserModel, user=user, method=method.name)
        code = method.refusal
        security_log.log("second_factor_refused", view.request, user=user, code=code)
        raise
    counted.release()
    ids = factors.factor_ids(user)
    # A recovery code is gone by now, and stands for all factors.
    proof = factor if factor in ids else ",".join(ids)
    proven.note(view.request, method.name, proof)


def remove_all_factors(request: Any, user: User) -> list[str]:
    """
    Remove every second factor of ``user``; return the names of their methods.

    For an admin whose user has lost them all, once it is sure who asks. The user gets a
    mail. ``request`` is the cause, for the security log, and None for none.
    """
    with AccountTransaction():
        kinds = [n for n, m in factors.METHODS.items() if m.factor_ids(user)]
        for method in factors.METHODS.values():
            method.remove_all(user)
        if kinds:
            factors.after_removing(request, user, *kinds)
    return kinds


def watch_deletions() -> None:
    """Connect :func:`_forget` to every deletion by ``delete_account/``."""
    user_post_delete_account.connect(_forget, dispatch_uid="ai_kit_auth.second_factor")


def _forget(user: User, **kwargs: object) -> None:
    """Delete the factors of an account that was anonymised, so that its row stays."""
    are_there = all(map(apps.is_installed, NEEDED_APPS))
    for method in factors.METHODS.values() if are_there else ():
        method.remove_all(user)

"""
The methods by which a user proves a second factor, and what follows from a change.

A method is one line of :data:`METHODS`; nothing else names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from rest_framework.serializers import Field

from .. import security_log
from ..user_model import User, UserModel
from . import proven
from .notices import tell
from .passkeys.method import PasskeyMethod
from .recovery_codes import RecoveryCodeMethod
from .signals import factor_added, factor_removed
from .totp import TOTPMethod


class Method(Protocol):
    """
    A way to prove a second factor.

    ``name``: what a client calls it in ``method``. ``field``: the key of the body that
    holds the proof. ``refusal``: the error code under that key.
    """

    name: str
    field: str
    refusal: str

    def serializer_field(self) -> Field[Any, Any, Any, Any]:
        """Return the serializer field of the proof, which is not required."""

    def offered_to(self, user: User) -> bool:
        """Tell whether ``user`` can use it now."""

    def factor_ids(self, user: User) -> list[str]:
        """
        Return the ids of the factors of ``user``, such as ``"totp:12"``.

        When this set changes, pending logins and trusted browsers are void.
        """

    def demands(self, user: User) -> bool:
        """Tell whether a login of ``user`` by password needs a second step for it."""

    def verify(self, view: Any, user: User, data: Mapping[str, Any]) -> str:
        """
        Return the id of the factor that ``data`` proves, and let the proof be used up.

        Without one in :meth:`factor_ids` it is the method's name. Raises a
        ``ValidationError`` with :attr:`refusal` under :attr:`field`, and DRF's
        ``Throttled``; both outside of a transaction.
        """

    def remove_all(self, user: User) -> None:
        """Delete all that ``user`` has of it."""


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        TOTPMethod(),
        PasskeyMethod(),
        RecoveryCodeMethod(),
    )
}
RECOVERY = RecoveryCodeMethod.name


def required(user: User) -> bool:
    """Tell whether a login of ``user`` by password needs a second step."""
    return any(method.demands(user) for method in METHODS.values())


def methods_of(user: User) -> list[str]:
    """Return the names of the methods that ``user`` can use, in alphabetical order."""
    return sorted(n for n, method in METHODS.items() if method.offered_to(user))


def factor_ids(user: User) -> list[str]:
    """Return the ids of all factors of ``user``, sorted."""
    return sorted(i for m in METHODS.values() for i in m.factor_ids(user))


def fingerprint(user: User) -> str:
    """Return the set of factors of ``user`` as a text, "" for none."""
    return ",".join(factor_ids(user))


def after_adding(request: Any, user: User, kind: str, *, tells: bool = True) -> None:
    """
    Do what belongs to a new factor of ``user``; ``kind`` is its method's name.

    Call it in the transaction that has added it, last. It tells the receivers of
    ``factor_added``, the security log and, after the answer, the user; and what the
    session of ``request`` has proven stays proven. ``tells``: whether the user gets a
    mail.
    """
    factor_added.send(sender=UserModel, user=user, method=kind)
    _after_change(request, user, "factor_added", kind)
    if tells:
        tell(request, user, "FACTOR_ADDED")


def after_removing(request: Any, user: User, *kinds: str) -> None:
    """
    Do what belongs to the removal of factors of ``user``, by their methods' names.

    As :func:`after_adding`. The last factor takes the recovery codes with it, which are
    no factor by themselves.
    """
    if not factor_ids(user):
        METHODS[RECOVERY].remove_all(user)
    for kind in kinds:
        factor_removed.send(sender=UserModel, user=user, method=kind)
        _after_change(request, user, "factor_removed", kind)
    tell(request, user, "FACTOR_REMOVED")


def _after_change(request: Any, user: User, event: str, kind: str) -> None:
    proven.rebind(request, user, fingerprint(user))
    security_log.log(event, request, user=user, code=kind)

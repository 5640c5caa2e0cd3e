"""
The queue of mails: what MAIL_TASK puts into it, and what its worker does with that.

A task holds no link and no token: the worker reads the account and makes the link. So a
leak of the queue opens no account, a task that waits for long mails a fresh link, and a
task that runs a second time finds whether its mail is still due.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.utils import translation
from django.utils.module_loading import import_string

from . import capability
from .accounts import AccountState, email_of, state_of
from .settings import api_settings, django_tasks
from .user_model import User, UserModel, user_model

logger = logging.getLogger("ai_kit_auth")

# The name of the task in this module, by which a worker imports it.
TASK = "send_mail"
# Of django.tasks: the alias of a backend, and the name of a queue.
DEFAULT = "default"

# True in the task of a mail.
works: ContextVar[bool] = ContextVar("works", default=False)


def enqueue(
    purpose: str,
    user: User | None,
    language: str | None,
    address: str | None = None,
    about: str | None = None,
) -> None:
    """
    Put a mail into the queue of MAIL_TASK.

    ``purpose``: a key of SECURITY_NOTICES, or else of EMAIL_TEMPLATES. ``user``: None
    for a mail that the worker drops. ``language``: the code of the mail's language.
    ``address``: where the mail goes, if that is not the stored e-mail address.
    ``about``: what the mail's service takes besides, such as the key of a row.

    Raises what the backend raises, and Django's ``ImproperlyConfigured`` if the
    capability of the mail does not say which function makes it.
    """
    if user is not None:
        _service(purpose)
    pk = getattr(user, "pk", None)
    _task().enqueue(
        purpose=purpose,
        pk=pk if pk is None or isinstance(pk, int) else str(pk),
        language=language,
        using=router.db_for_write(UserModel),
        state=None if user is None else state_of(user).name,
        address=address,
        **({} if about is None else {"about": about}),
    )


def __getattr__(name: str) -> Any:
    # Made when a worker imports it, and not with this module: django.tasks may be
    # missing, and a task is bound to a backend of the project's settings.
    if name == TASK:
        return _task()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _task() -> Any:
    # A worker also ends the tasks of a project that has switched MAIL_TASK off.
    alias = api_settings.MAIL_TASK or DEFAULT
    queues = getattr(settings, "TASKS", {}).get(alias, {}).get("QUEUES") or [DEFAULT]
    queue = DEFAULT if DEFAULT in queues else queues[0]
    return django_tasks().task(backend=alias, queue_name=queue)(_send_mail)


def _service(purpose: str) -> str:
    mail = _declared(purpose)
    if not mail.service:
        raise ImproperlyConfigured(
            f"The capability of the mail {purpose!r} names no service, which MAIL_TASK "
            "needs: mails={...: Mail(..., service='<dotted path>')}"
        )
    return mail.service


def _declared(purpose: str) -> capability.Mail:
    notice = capability.notices().get(purpose)
    return capability.mails()[notice.mail if notice else purpose]


def _send_mail(
    purpose: str,
    pk: int | str | None,
    language: str | None,
    using: str,
    state: str | None,
    address: str | None = None,
    about: str | None = None,
) -> None:
    """
    Make and send one mail, in a worker; drop it if it is no longer due.

    The arguments are those of :func:`enqueue`, in JSON. ``using``: the alias of the
    account's database. ``state``: the name of the account's state when the mail was
    asked for.

    Raises :exc:`~ai_kit_auth.errors.MailNotSent` and what else a sender of the project
    raises, so the backend records the failure, or tries again.
    """
    if pk is None and address is None:
        logger.debug("A mail that was asked for an unknown account is dropped")
        return
    user = UserModel._base_manager.using(using).filter(pk=pk).first()
    is_notice = purpose in capability.notices()
    if is_notice and address is not None:
        # SECURITY: due in any state of the account. An intruder who changes the address
        # and then deletes the account must not keep the notices from its owner.
        user = UserModel(pk=pk) if user is None else user
        setattr(user, user_model.email, address)
    elif user is None or not _is_due(purpose, user, state, address):
        logger.info("The mail %s to user %s is no longer due", purpose, pk)
        return
    further = purpose if is_notice else address
    token = works.set(True)
    try:
        with translation.override(language):
            import_string(_service(purpose))(user, *filter(None, [further, about]))
    finally:
        works.reset(token)


# Where a worker looks for the task. A task is stored under the path of its function.
_send_mail.__qualname__ = TASK


def _is_due(purpose: str, user: User, state: str | None, address: str | None) -> bool:
    if address is not None and address == email_of(user):
        # The change of the address is confirmed.
        return False
    now = state_of(user)
    activates = _declared(purpose).link == "ACTIVATION_ROUTE"
    return now.name == state or (now is AccountState.ACTIVE and not activates)

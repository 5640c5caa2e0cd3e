"""What a mail says besides its message: whose account, which product, how long."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.core.signals import setting_changed

from .accounts import email_of
from .branding import Brand, Values, brand_for, fixed_brand
from .capability import capabilities
from .settings import api_settings
from .user_model import User, user_model

logger = logging.getLogger("ai_kit_auth")

# An attribute of a copy of a user that has another e-mail address than the account.
ACCOUNT_ADDRESS = "_ai_kit_auth_account_address"


class MailFacts(NamedTuple):
    """
    What the templates of a mail read as ``ai_kit_auth``.

    ``name``: how to greet the user, "" for a mail that greets without a name.
    ``account``: the e-mail address of the account, masked where the mail goes to
    another address. ``lifetime``: seconds that the link can be used, 0 for a mail that
    does not tell. ``is_notice``: a security notice. ``fixed``: what all mails share
    that have the same static text, None for a mail whose text is not kept.
    """

    brand: Brand
    name: str
    account: str
    lifetime: int
    is_notice: bool
    fixed: tuple[Any, ...] | None


class _Traits(NamedTuple):
    timeouts: tuple[str, ...]
    greets: bool
    is_notice: bool


@cache
def _traits(mail: str) -> _Traits:
    """Return what the capabilities declare about ``mail``, a key of EMAIL_TEMPLATES."""
    declared = capabilities()
    found = {name: it for one in declared for name, it in one.mails.items()}.get(mail)
    notices = {notice.mail for one in declared for notice in one.notices.values()}
    if found is None:
        return _Traits((), greets=False, is_notice=False)
    return _Traits(found.timeouts, found.greets, mail in notices)


def _forget(*, setting: str, **kwargs: object) -> None:
    if setting == "INSTALLED_APPS":
        _traits.cache_clear()


setting_changed.connect(_forget)


def facts_of(mail: str, user: User, url: str, context: Mapping[str, Any]) -> MailFacts:
    """
    Return the facts of ``mail``, a key of EMAIL_TEMPLATES, to ``user``.

    ``context``: what a callable of BRANDING gets. Raises what such a callable raises.
    """
    traits = _traits(mail)
    brand = brand_of(context)
    name = greeted_name(user) if traits.greets else ""
    seconds = _lifetime(traits.timeouts) if url else 0
    fixed = (brand, bool(name), bool(url), seconds, traits.is_notice)
    return MailFacts(brand, name, account_of(user), seconds, traits.is_notice, fixed)


def facts_without_mail(context: Mapping[str, Any]) -> MailFacts:
    """Return the facts for a template that a project renders with this ``context``."""
    return MailFacts(brand_of(context), "", "", 0, is_notice=False, fixed=None)


def brand_of(context: Mapping[str, Any]) -> Brand:
    """
    Return the brand of a mail with this ``context``.

    Raises what a callable of BRANDING raises.
    """
    given, frontend = api_settings.BRANDING, api_settings.FRONTEND
    values = Values(
        given.NAME,
        given.LOGO_URL,
        given.LOGO_ALT,
        given.COLOR,
        given.SUPPORT_URL,
        given.SUPPORT_EMAIL,
        given.POSTAL_ADDRESS,
        given.FOOTER,
        frontend.URL,
        frontend.FORGOT_PW_ROUTE,
    )
    return fixed_brand(values) or brand_for(values, context)


def _lifetime(timeouts: tuple[str, ...]) -> int:
    """Return the shortest of ``timeouts`` in seconds, 0 for none."""
    default = settings.PASSWORD_RESET_TIMEOUT
    found = [getattr(api_settings, name, None) or default for name in timeouts]
    return int(min(found, default=0))


# SECURITY: the name of a registration is the text of a stranger, who may enter the
# e-mail address of another person. A sentence or a link in it would be a message of
# theirs, in a mail that we sign. So a name is shown only to an address that is proven,
# and only a name that can be no link and no sentence.
_NAME_LENGTH = 30


def greeted_name(user: User) -> str:
    """Return the first name of ``user`` for a greeting, "" if it must not be shown."""
    if not user.is_active:
        return ""
    name = _short_name(user)
    name = name.strip() if isinstance(name, str) else ""
    return name if len(name) <= _NAME_LENGTH and all(map(_is_in_names, name)) else ""


def _short_name(user: User) -> object:
    if "first_name" in user_model.columns:
        return user.first_name
    try:
        return user.get_short_name()
    except Exception:  # a method of the project, which may not exist
        logger.debug("No name to greet user %s by", user.pk, exc_info=True)
        return ""


def _is_in_names(sign: str) -> bool:
    return sign in " '-" or unicodedata.category(sign)[0] in "LM"


def account_of(user: User) -> str:
    """
    Return the e-mail address of the account for the mail to ``user``.

    It is masked where the mail goes to another e-mail address.
    """
    address = email_of(user)
    own = getattr(user, ACCOUNT_ADDRESS, address)
    # Tests of projects mail to a mock, which has every attribute.
    return address if own == address or not isinstance(own, str) else masked(own)


def masked(address: str) -> str:
    """
    Return ``address`` for a reader who may not know it.

    >>> masked("nora@example.net")
    'n•••@example.net'
    """
    return re.sub(r"\A(.?).*(?=@)", "\\1\u2022\u2022\u2022", address)

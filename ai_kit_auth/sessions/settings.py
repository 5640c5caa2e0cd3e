"""The keys of ``AI_KIT_AUTH`` that the list of sessions has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..settings import (
    Dotted,
    Nested,
    ProjectSettings,
    Section,
    Setting,
    templates_of,
)

DAY = 24 * 60 * 60


class Whole(Setting[int]):
    """A number of seconds from 1."""

    def accepts(self, value: object) -> bool:
        return type(value) is int and value > 0


class Prefixes(Setting[tuple[int, int] | None]):
    """The lengths of two prefixes, of IPv4 and of IPv6 addresses; None for neither."""

    type_name = "pair of int or None"

    def accepts(self, value: object) -> bool:
        if not isinstance(value, list | tuple):
            return value is None
        return len(value) == 2 and all(
            type(length) is int and 0 <= length <= most
            for length, most in zip(value, (32, 128), strict=True)
        )


class EnableEndpoints(Section):
    SESSIONS = Setting(False, "serve ``sessions/`` and ``sessions/<id>/``")


class EmailTemplates(Section):
    NEW_DEVICE = templates_of(
        "new_device", "the mail after a login in a browser that was not known"
    )


class Frontend(Section):
    NOT_ME_ROUTE = Setting(
        "/auth/not_me/",
        "the frontend's page for links that say that a login was not the user's own",
    )


class SecurityNotices(Section):
    NEW_DEVICE = Setting(
        False,
        "mail after a login in a browser in which the account has not logged in "
        "before; needs ``DEVICE_COOKIE_AGE``",
    )


class SessionsSettings(ProjectSettings):
    """The keys of the list of sessions, read in the same dict as those of the core."""

    ENABLE_ENDPOINTS = Nested(EnableEndpoints)
    EMAIL_TEMPLATES = Nested(EmailTemplates)
    FRONTEND = Nested(Frontend)
    SECURITY_NOTICES = Nested(SecurityNotices)
    SEND_NEW_DEVICE_MAIL = Dotted[Callable[[Any, str], object]](
        "ai_kit_auth.sessions.new_devices.default_send_new_device_mail",
        "called with (user, url) after a login in a browser that was not known; "
        "``user.new_device`` is a dict with ``browser``, ``system``, ``kind``, "
        "``time`` and ``ip_address``",
    )
    SESSION_TOUCH = Whole(
        300,
        "how many seconds pass at least between two writes of when a session was last "
        "seen; also how long an ended session lives on at most where the cache has "
        "lost that it ended",
    )
    SESSION_RECORD_AGE = Whole(
        30 * DAY, "how many seconds the record of a session is kept after its end"
    )
    SESSION_IP_PREFIX = Prefixes(
        None,
        "the numbers of leading bits of an IPv4 and of an IPv6 address that are "
        "stored, such as ``(24, 48)``; None for the address as it is counted",
    )
    SESSION_DEVICE_NAME = Dotted[Callable[[str], Mapping[str, Any]]](
        "ai_kit_auth.sessions.devices.by_ua_parser",
        "called with (user_agent), of at most 256 characters; returns a dict with "
        '``browser``, ``system`` and ``kind`` (``"desktop"``, ``"phone"``, '
        '``"tablet"`` or ``"other"``)',
    )


sessions_settings = SessionsSettings()

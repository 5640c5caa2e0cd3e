"""
The brand of a mail: the product's name, logo, colours, contact and footer.

It is made from the values of ``AI_KIT_AUTH["BRANDING"]`` and kept by them, so a mail
of a project without callables there computes nothing here. A value of the wrong form
has no effect; the system checks report it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.functional import Promise

DEFAULT_COLOR = "#1f4fd8"
# The pages of ai_kit_auth/body_base.html that coloured text stands on.
PAPER, DARK_PAPER = "#ffffff", "#1d222b"
# WCAG 2.2, 1.4.3 Contrast (Minimum), for text of normal size.
LEAST_CONTRAST = 4.5


class Values(NamedTuple):
    """The keys of BRANDING in small letters, with those of FRONTEND that it needs."""

    name: Any
    logo_url: Any
    logo_alt: Any
    color: Any
    support_url: Any
    support_email: Any
    postal_address: Any
    footer: Any
    frontend_url: Any
    forgot_pw_route: Any


# Without __eq__: one brand is one object, which is what rendered pages are kept by.
@dataclass(frozen=True, eq=False, slots=True)
class Brand:
    """
    What the templates of a mail show of the product, as ``brand``.

    ``color`` is the background of the button, ``ink`` the text on it: black or white.
    ``link`` is ``color``, darker where it cannot be read on white. ``dark_…``: the same
    on a dark page. ``contact`` is what to show for help, and ``contact_url`` where it
    leads: SUPPORT_EMAIL, else SUPPORT_URL, else the frontend. ``start_url`` is the
    frontend's start page, ``forgot_password_url`` its page where a user asks for a
    reset mail. A text that the project does not give is "".
    """

    name: str
    logo_url: str
    logo_alt: str
    color: str
    ink: str
    link: str
    dark_color: str
    dark_ink: str
    dark_link: str
    support_email: str
    contact: str
    contact_url: str
    start_url: str
    forgot_password_url: str
    postal_address: str
    footer: str


@lru_cache(maxsize=256)
def fixed_brand(values: Values) -> Brand | None:
    """Return the brand of ``values``, or None if one of them is a callable."""
    return None if any(map(callable, values)) else _brand(*map(_text, values))


def brand_for(values: Values, context: Mapping[str, Any]) -> Brand:
    """
    Return the brand of one mail, from callables that take its ``context``.

    Raises what a callable raises.
    """
    return _brand(
        *[_text(each(context) if callable(each) else each) for each in values]
    )


def _text(value: object) -> str:
    """Return a string or a lazy one as it is, without line breaks at its ends."""
    return str(value).strip() if isinstance(value, str | Promise) else ""


@lru_cache(maxsize=256)
def _brand(
    name: str,
    logo_url: str,
    logo_alt: str,
    color: str,
    support_url: str,
    support_email: str,
    postal_address: str,
    footer: str,
    frontend_url: str,
    forgot_pw_route: str,
) -> Brand:
    color = parsed_color(color) or DEFAULT_COLOR
    start_url = _absolute(frontend_url)
    dark = readable(color, DARK_PAPER)
    support_email = support_email if is_address(support_email) else ""
    support_url = support_url if is_web_url(support_url) else ""
    contact = support_email or support_url or frontend_url
    return Brand(
        name=_one_line(name) or host_of(frontend_url),
        logo_url=logo_url if is_web_url(logo_url) else "",
        logo_alt=_one_line(logo_alt),
        color=color,
        ink=ink_on(color),
        link=readable(color, PAPER),
        dark_color=dark,
        dark_ink=ink_on(dark),
        dark_link=dark,
        support_email=support_email,
        contact=_one_line(contact),
        contact_url=f"mailto:{quote(support_email, safe='@')}"
        if support_email
        else _absolute(support_url or frontend_url),
        start_url=start_url,
        forgot_password_url=_joined(start_url, forgot_pw_route),
        postal_address=_clean(postal_address),
        footer=_clean(footer),
    )


def _clean(text: str) -> str:
    """Return ``text`` without control characters; a line break stays."""
    return "".join(
        sign for sign in text if sign == "\n" or unicodedata.category(sign) != "Cc"
    )


def _one_line(text: str) -> str:
    # SECURITY: the name is in the subject, where a line break would begin a header.
    return _clean(" ".join(text.split()))


def is_address(value: str) -> bool:
    """Tell whether ``value`` is an e-mail address."""
    try:
        validate_email(value)
    except ValidationError:
        return False
    return True


def is_web_url(url: str) -> bool:
    """Tell whether ``url`` is an absolute URL of http or https."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _absolute(url: str) -> str:
    """Return ``url`` with a scheme: 2.0.0 documented a FRONTEND.URL without one."""
    if not url or is_web_url(url):
        return url
    # SECURITY: not javascript: or another scheme, whatever a callable returns.
    return "https://" + re.sub(r"\A(?:[A-Za-z][A-Za-z0-9+.-]*:)?/*(?=\D|\Z)", "", url)


def _joined(url: str, route: str) -> str:
    """Return the page ``route`` of the frontend at ``url``."""
    path = route.strip("/")
    return f"{url.rstrip('/')}/{path}" if path else url


def host_of(url: str) -> str:
    """Return the host name of ``url``, also of one without a scheme."""
    try:
        name = urlsplit(url if "//" in url else f"//{url}").hostname
    except ValueError:
        name = None
    return name or url


# Colours


def parsed_color(value: str) -> str | None:
    """Return ``#1f4fd8`` for a colour such as ``#1F4FD8`` or ``#fff``, else None."""
    if re.fullmatch(r"#(?:[0-9A-Fa-f]{3}){1,2}", value) is None:
        return None
    digits = value[1:].lower()
    return "#" + (digits if len(digits) == 6 else "".join(c * 2 for c in digits))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG 2.2 defines it."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(part) for part in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: int) -> float:
    value = channel / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _channels(color: str) -> tuple[int, ...]:
    return tuple(int(color[place : place + 2], 16) for place in (1, 3, 5))


def ink_on(color: str) -> str:
    """Return black or white, whichever reads better on ``color``: at least 4.5."""
    return max("#ffffff", "#000000", key=lambda ink: contrast(color, ink))


def readable(color: str, paper: str) -> str:
    """Return ``color``, mixed with black or white until it can be read on ``paper``."""
    towards = _channels(ink_on(paper))
    shades = (
        "#"
        + "".join(
            f"{(own * (100 - percent) + end * percent) // 100:02x}"
            for own, end in zip(_channels(color), towards, strict=True)
        )
        for percent in range(0, 101, 5)
    )
    return next(shade for shade in shades if contrast(shade, paper) >= LEAST_CONTRAST)

"""The values of ``AI_KIT_AUTH["BRANDING"]`` that are no callables."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.utils.functional import Promise

from ..branding import (
    LEAST_CONTRAST,
    PAPER,
    contrast,
    is_address,
    is_web_url,
    parsed_color,
    readable,
)
from .problems import Problems, is_readable, key, problem, read


def check_branding() -> Problems:
    """E020, W042, W043."""
    if not is_readable():
        return
    if color := _written("COLOR"):
        yield from _color_problems(color)
    address = _written("SUPPORT_EMAIL")
    if address and not is_address(address):
        yield problem(
            "E020",
            f"{key('BRANDING.SUPPORT_EMAIL')} is {address!r}, which is no e-mail "
            "address: the mails do without it.",
            "'SUPPORT_EMAIL': 'help@example.com'",
        )
    for name in ("SUPPORT_URL", "LOGO_URL"):
        url = _written(name)
        if url and not (is_web_url(url) and urlsplit(url).scheme == "https"):
            path = "logo.png" if name == "LOGO_URL" else "help"
            yield problem(
                "W043",
                f"{key(f'BRANDING.{name}')} is {url!r}, which is no absolute https "
                "URL: mail programs do not load or open it, or warn of it.",
                f"{name!r}: 'https://www.example.com/{path}'",
            )


def _written(name: str) -> str:
    """Return the value that the project wrote, "" for none and for a callable."""
    value = read(f"BRANDING.{name}")
    return str(value).strip() if isinstance(value, str | Promise) else ""


def _color_problems(given: str) -> Problems:
    setting, color = key("BRANDING.COLOR"), parsed_color(given)
    if color is None:
        yield problem(
            "E020",
            f"{setting} is {given!r}, which is no colour in hexadecimal digits: the "
            "mails keep the default.",
            "'COLOR': '#1f4fd8'",
        )
        return
    # The text on the button is black or white, so one of them always has enough.
    found = contrast(color, PAPER)
    if found < LEAST_CONTRAST:
        better = readable(color, PAPER)
        yield problem(
            "W042",
            f"{setting} is {given!r}, with a contrast of {found:.1f} on white; WCAG "
            f"1.4.3 asks for {LEAST_CONTRAST}. Links in mails have {better!r}.",
            f"'COLOR': {better!r}, or silence ai_kit_auth.W042 if the brand insists.",
        )

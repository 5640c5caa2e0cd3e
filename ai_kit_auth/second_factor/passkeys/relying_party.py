"""
The relying party: its id and name, and the origins whose pages may use its passkeys.

All derive from FRONTEND.URL where the project does not name them. The RP ID is never
the API's host: a page of the frontend could not use it (WebAuthn Level 3, section
5.1.3, step 8), and Chromium raises a ``SecurityError``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise

from ...branding import host_of
from ...checks.origins import (
    Origin,
    frontend_origins,
    is_ip_address,
    is_local,
    origin_of,
    right_host,
    site_of,
    texts_of,
)
from ...settings import api_settings
from .settings import passkey_settings

HELPER = "ai_kit_auth.second_factor.passkeys.ceremonies.Ceremonies"


def give_defaults() -> None:
    """
    Give ``django_otp_webauthn`` what it does not find in the project's settings.

    What the project sets itself stays. The values are read at each use.
    """
    here = __name__
    defaults = {
        "OTP_WEBAUTHN_RP_ID_CALLABLE": f"{here}.rp_id",
        "OTP_WEBAUTHN_RP_NAME_CALLABLE": f"{here}.rp_name",
        "OTP_WEBAUTHN_ALLOWED_ORIGINS": AllowedOrigins(),
        "OTP_WEBAUTHN_HELPER_CLASS": HELPER,
    }
    for name, value in defaults.items():
        if not hasattr(settings, name):
            setattr(settings, name, value)


def rp_id(request: Any = None) -> str:
    """
    Return the RP ID: RP_ID, else ``OTP_WEBAUTHN_RP_ID``, else that of FRONTEND.URL.

    The latter is the registrable domain where ``ALLOWED_HOSTS`` names a host of the
    same site, so that a later move to another subdomain keeps the passkeys; else the
    host. "" where FRONTEND.URL has no host. ``request`` does not matter: all passkeys
    of a project belong to one RP ID.
    """
    own = passkey_settings.RP_ID or getattr(settings, "OTP_WEBAUTHN_RP_ID", "")
    if own:
        return str(own)
    try:
        host = origin_of(api_settings.FRONTEND.URL).host
    except ValueError:
        return ""
    if is_local(host) or is_ip_address(host):
        return host
    site = site_of(host)
    # An entry with a leading dot allows the names below it.
    hosts = [right_host(each) for each in texts_of(settings.ALLOWED_HOSTS)]
    shares = any(site_of(each.strip(".")) == site for each in hosts)
    return site if shares else host


def rp_name(request: Any = None) -> str:
    """
    Return the name that a browser shows: RP_NAME, else ``OTP_WEBAUTHN_RP_NAME``.

    Without both it is BRANDING.NAME, or the host of FRONTEND.URL where that is "" or
    depends on a mail.
    """
    own = passkey_settings.RP_NAME or getattr(settings, "OTP_WEBAUTHN_RP_NAME", "")
    brand = api_settings.BRANDING.NAME
    name = str(brand) if isinstance(brand, str | Promise) else ""
    return str(own or name.strip() or host_of(api_settings.FRONTEND.URL) or rp_id())


def suits(origin: Origin, rp: str) -> bool:
    """Tell whether a page of ``origin`` may use passkeys of the RP ID ``rp``."""
    return origin.is_secure and (
        origin.host == rp or (origin.host.endswith(f".{rp}") and not is_ip_address(rp))
    )


def allowed_origins() -> Iterator[str]:
    """
    Yield the origins whose pages may use the passkeys.

    That of FRONTEND.URL, those in ``CORS_ALLOWED_ORIGINS`` that suit the RP ID, and
    RELATED_ORIGINS. SECURITY: the others of ``CORS_ALLOWED_ORIGINS`` may read answers
    of the API; that gives them no passkeys.
    """
    rp = rp_id()
    found = frontend_origins(api_settings.FRONTEND.URL)
    own = [str(each) for each in found if suits(each, rp)]
    yield from own or _written_origin()
    yield from (each for each in related_origins() if each not in own)


def _written_origin() -> Iterator[str]:
    """Yield the origin of FRONTEND.URL, so that a check can say what is wrong."""
    try:
        yield str(origin_of(api_settings.FRONTEND.URL))
    except ValueError:
        return


def related_origins() -> Iterator[str]:
    """Yield RELATED_ORIGINS, each as browsers write it; a malformed one as it is."""
    for text in passkey_settings.RELATED_ORIGINS:
        try:
            yield str(origin_of(text))
        except ValueError:
            yield text


def well_known_origins() -> list[str]:
    """Return what ``/.well-known/webauthn`` lists: FRONTEND.URL's and the related."""
    return list(dict.fromkeys([*_written_origin(), *related_origins()]))


class AllowedOrigins(list[str]):
    """
    The value of ``OTP_WEBAUTHN_ALLOWED_ORIGINS``: read from the settings at each use.

    A list, since the library asks for one.
    """

    def __iter__(self) -> Iterator[str]:
        try:
            return iter(list(allowed_origins()))
        except ImproperlyConfigured:
            # A check tells what is wrong with AI_KIT_AUTH.
            return iter(())

    def __bool__(self) -> bool:
        # An empty one is told of by a check of ours, and need not stop the project.
        return True

    def index(self, value: Any, *bounds: Any) -> int:
        return list(self).index(value, *bounds)

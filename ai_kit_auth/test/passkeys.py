"""How a test gets a passkey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..settings import api_settings, require_frontend_url

if TYPE_CHECKING:
    from .soft_passkeys import Authenticator


def authenticator(origin: str | None = None, **options: Any) -> Authenticator:
    """
    Return a new authenticator in a browser that shows a page of ``origin``.

    ``origin``: FRONTEND.URL by default. ``options``: the fields of
    :class:`~ai_kit_auth.test.soft_passkeys.Authenticator`. Raises :exc:`ImportError`
    without the extra ``test``, and :exc:`TypeError` for an unknown option.
    """
    try:
        from .soft_passkeys import Authenticator
    except ModuleNotFoundError as error:
        raise ImportError(
            "A soft passkey needs fido2: pip install 'django-ai-kit-auth[test]'"
        ) from error
    page = origin or api_settings.FRONTEND.URL or require_frontend_url("")
    return Authenticator(page, **options)

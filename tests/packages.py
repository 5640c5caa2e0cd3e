"""
The folders of the package with texts: the core, and each app that a project may add.

They are found in the source tree. So an app of the package is examined by the same
tests as the core, whether the settings of these tests install it or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, resources
from pathlib import Path

from django.conf import settings
from django.contrib.admin import site
from django.test import override_settings
from django.utils.module_loading import import_string

from ai_kit_auth.capability import ATTRIBUTE

CORE = Path(str(resources.files("ai_kit_auth")))
# ``ai_kit_auth/account`` is no app: its texts are among those of the core.
APPS = sorted(path.parent for path in CORE.glob("*/apps.py"))
PACKAGES = (CORE, *APPS)
# The apps of other packages that an app needs.
NEEDED = {
    "second_factor": (
        "django_otp",
        "django_otp.plugins.otp_totp",
        "django_otp.plugins.otp_static",
        "django_otp_webauthn",
    )
}


def names_of_apps() -> list[str]:
    """Return what a project adds to INSTALLED_APPS for all apps of the package."""
    return [
        name
        for app in APPS
        for name in (*NEEDED.get(app.name, ()), f"ai_kit_auth.{app.name}")
    ]


@contextmanager
def with_apps() -> Iterator[None]:
    """
    Install all apps of the package, with every route of theirs.

    Their tables are not made.
    """
    apps = [*settings.INSTALLED_APPS, *names_of_apps()]
    own = {
        **settings.AI_KIT_AUTH,
        "ENABLE_ENDPOINTS": {
            **settings.AI_KIT_AUTH.get("ENABLE_ENDPOINTS", {}),
            # With these an app serves endpoints of the core in its own way.
            "FACTORS": True,
            "PASSKEY_SIGN_UP": True,
        },
    }
    registered = set(site._registry)
    with override_settings(INSTALLED_APPS=apps, AI_KIT_AUTH=own):
        yield
    # The admin of an app that is not installed any more fails at its index.
    for model in set(site._registry) - registered:
        site.unregister(model)


def package_of(path: Path) -> Path:
    """Return the folder of ``PACKAGES`` that ``path`` is in."""
    return next(folder for folder in (*APPS, CORE) if path.is_relative_to(folder))


def sources_of(package: Path) -> list[Path]:
    """Return the modules of a folder of ``PACKAGES``, without those of another one."""
    return [
        path for path in sorted(package.rglob("*.py")) if package_of(path) == package
    ]


def templates_of(package: Path) -> list[Path]:
    """Return the mails' templates of a folder of ``PACKAGES``."""
    return sorted((package / "templates" / "ai_kit_auth").glob("*"))


def codes_of(app: Path) -> dict[str, str]:
    """Return the error codes of an app with their meanings."""
    configs = vars(import_module(f"ai_kit_auth.{app.name}.apps")).values()
    paths = [path for each in configs for path in getattr(each, ATTRIBUTE, ())]
    return {
        code: meaning
        for path in paths
        for code, meaning in import_string(path).codes.items()
    }

"""Sphinx's configuration: ``sphinx-build -W -b html docs build/docs``."""

from __future__ import annotations

import sys
from pathlib import Path

import django
from django.conf import settings

DOCS = Path(__file__).resolve().parent
# The package last, so that an installed wheel wins over the folder beside.
sys.path.insert(0, str(DOCS / "_ext"))
sys.path.append(str(DOCS.parent))

# What the package asks of a host before its modules can be imported.
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "rest_framework",
        "ai_kit_auth",
        "django_otp",
        "django_otp.plugins.otp_totp",
        "django_otp.plugins.otp_static",
        "django_otp_webauthn",
        "ai_kit_auth.second_factor",
        "ai_kit_auth.sessions",
        "corsheaders",
    ],
    AI_KIT_AUTH={
        "FRONTEND": {"URL": "https://app.example.com"},
        # An app serves other endpoints in its own way then.
        "ENABLE_ENDPOINTS": {"FACTORS": True, "PASSKEY_SIGN_UP": True},
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    ROOT_URLCONF="ai_kit_auth.urls",
    SECRET_KEY="no-secret-since-nothing-is-served",  # noqa: S106
    USE_TZ=True,
)
django.setup()

from ai_kit_auth import __version__  # noqa: E402  # after the settings

project = "django-ai-kit-auth"
author = "The django-ai-kit-auth authors"
copyright = "The django-ai-kit-auth authors"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "declarations",
]
exclude_patterns = ["_ext", "_static"]
nitpicky = True
# Other projects' objects have their pages elsewhere, and a build asks no network.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!ai_kit_auth\b).*"),
    # Type variables.
    (r"py:.*", r"ai_kit_auth\.settings\.[ST]"),
]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"

html_theme = "furo"
html_title = "django-ai-kit-auth"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {
        "font-stack": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
        "color-brand-primary": "#0b6e4f",
        "color-brand-content": "#0b6e4f",
        "color-api-name": "#0b6e4f",
    },
    "dark_css_variables": {
        "color-brand-primary": "#5fd3a8",
        "color-brand-content": "#5fd3a8",
        "color-api-name": "#5fd3a8",
    },
    "navigation_with_keys": True,
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
# A prompt is not part of the command.
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
# Options begin with two hyphens, which are no dash.
smartquotes = False

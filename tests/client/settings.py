"""
Settings of the example with every endpoint of the package on.

The types of the npm package (``client/src/schema.ts``) are generated from the schema of
this project. The keys come from the declarations, so that a new endpoint is in the
types without an edit here.
"""

from __future__ import annotations

from importlib import import_module

from django.utils.module_loading import import_string
from host.settings import *  # noqa: F403  # what settings are for
from host.settings import AI_KIT_AUTH, INSTALLED_APPS, SPECTACULAR_SETTINGS

from ai_kit_auth.capability import ATTRIBUTE

ROOT_URLCONF = "tests.client.urls"
SPECTACULAR_SETTINGS = {
    **SPECTACULAR_SETTINGS,
    # The client sends JSON. With the forms each body would be there three times.
    "PARSER_WHITELIST": ["ai_kit_auth.parsers.JSONParser"],
}
# The apps are not loaded yet, so that the declarations are read here.
KEYS = {
    key
    for app in INSTALLED_APPS
    if app.partition(".")[0] == "ai_kit_auth"
    for config in vars(import_module(f"{app}.apps")).values()
    for path in getattr(config, ATTRIBUTE, ())
    for key in import_string(path).setting_keys()
}
ENDPOINTS = "ENABLE_ENDPOINTS."
AI_KIT_AUTH = {
    **AI_KIT_AUTH,
    "ENABLE_ENDPOINTS": {
        key.removeprefix(ENDPOINTS): True for key in KEYS if key.startswith(ENDPOINTS)
    },
    "ERROR_PARAMS": True,
}

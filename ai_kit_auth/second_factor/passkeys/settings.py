"""The keys of ``AI_KIT_AUTH`` that passkeys have."""

from __future__ import annotations

from ...settings import Names, Nested, ProjectSettings, Section, Setting


class EnableEndpoints(Section):
    PASSKEY_LOGIN = Setting(False, "serve ``passkey_login/`` and its options")
    PASSKEY_SIGN_UP = Setting(
        False,
        "serve ``activate_email/passkey_options/``; ``register/`` needs no password, "
        "and ``activate_email/`` takes the passkey that such an account logs in with",
    )


class PasskeySettings(ProjectSettings):
    """The keys of passkeys, read in the same dict as those of the core."""

    ENABLE_ENDPOINTS = Nested(EnableEndpoints)
    RP_ID = Setting(
        "",
        "the domain that passkeys belong to, which never changes once there are some; "
        '"" for that of FRONTEND.URL',
    )
    RP_NAME = Setting(
        "",
        'the name that browsers show with a passkey; "" for BRANDING.NAME, or the host '
        "name of FRONTEND.URL",
    )
    RELATED_ORIGINS = Names(
        (), "origins of other domains whose pages may use the passkeys as well"
    )


passkey_settings = PasskeySettings()

"""Settings of the example without limits for the many requests of these tests."""

from __future__ import annotations

from host.settings import *  # noqa: F403  # what settings are for
from host.settings import AI_KIT_AUTH

AI_KIT_AUTH = {
    **AI_KIT_AUTH,
    # The usual rates would leave little but 429 to see; None would take it out of the
    # schema.
    "THROTTLE_RATES": {
        "SECOND_FACTOR": "20000/min",
        "LOGIN_ACCOUNT_ADDRESS": "500/min",
        "LOGIN_ACCOUNT": "500/min",
        "LOGIN_ADDRESS": "20000/min",
        "REGISTER": "20000/min",
        "VALIDATE_PASSWORD": "20000/min",
        "LINK": "20000/min",
        "SESSION": "20000/min",
        "MAIL_RECIPIENT": "20000/min",
        "MAIL_ADDRESS": "20000/min",
        "RESEND_RECIPIENT": "20000/min",
        "CHANGE_EMAIL": "20000/min",
        "ACCOUNT": "20000/min",
    },
}
# Which passwords are kept how is of no matter here, and the usual way takes its time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

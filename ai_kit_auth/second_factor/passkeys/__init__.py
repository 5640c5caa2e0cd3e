"""
Passkeys: login without a password, and as a second step; sign-up; one's own passkeys.

Credentials, their tables and their verification are those of ``django-otp-webauthn``
over ``webauthn``. This package adds which relying party and origins a project has, that
a challenge is good for one attempt, the endpoints, and the rules of accounts.
"""

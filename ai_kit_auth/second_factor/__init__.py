"""
Second factors: authenticator apps and recovery codes, asked for after the password.

``django-otp`` has the tables and checks the codes. A project that does not install this
app has none of it.
"""

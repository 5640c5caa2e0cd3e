"""
The doctor: plays a browser against the host, and names the setting that is wrong.

``browser`` knows what browsers do with cookies and answers of other origins,
``servers`` where requests go (through the middleware in process, or over HTTP),
``diagnosis`` which setting a symptom comes from, ``walks`` the steps. The command that
reports them is ``manage.py ai_kit_auth_doctor``.
"""

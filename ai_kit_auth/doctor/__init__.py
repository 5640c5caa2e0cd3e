"""
The doctor sends the requests of a browser, and names the setting that is wrong.

``browser`` treats cookies and answers of other origins as browsers do. ``servers``
passes requests to the project in this process, or over HTTP. ``diagnosis`` finds the
setting that causes a symptom. ``walks`` has the steps. The command that reports them is
``manage.py ai_kit_auth_doctor``.
"""

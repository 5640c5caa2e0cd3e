"""
The list of sessions: where a user is logged in, and how to end that.

An app of its own, with a table. Its middleware ends a session at its next request, with
every session engine. :mod:`services` is the story of a session, from the login on.
"""

"""
What tells that a service which a request needs is down, and not that there is a bug.

A database or a cache that is stopped, restarted or out of connections is back soon, and
no line of code is at fault: the client may send the same request again.
"""

from __future__ import annotations

import sqlite3

from django.db import InterfaceError, OperationalError

# MySQL's and MariaDB's errors of a server that stops, starts, has no connection left or
# makes others wait (https://mariadb.com/kb/en/mariadb-error-code-reference/). Their
# driver raises OperationalError for bugs as well, such as an unknown column (1054).
_MYSQL_SERVER = {1040, 1053, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1290, 1927}
# The numbers of the client's own errors: the server cannot be reached.
_MYSQL_CLIENT = range(2000, 3000)
# Those of redis-py, valkey-py, requests and others derive from none of Python's own,
# and this package depends on none of these libraries.
_OF_CONNECTIONS = {"ConnectionError", "TimeoutError"}


def is_outage(error: BaseException) -> bool:
    """
    Tell whether ``error`` is that of a service that cannot be reached or used now.

    That is a database that is not there, refuses a connection, ends one, or lets a
    request wait for another one's lock for too long; and any other connection that is
    refused, lost or too slow: an exception whose class is named ``ConnectionError`` or
    ``TimeoutError``, or derives from such a class.

    SQLite's and MySQL's drivers raise Django's ``OperationalError`` for a missing table
    or column too. That is a bug, and so it is not one of these.
    """
    if isinstance(error, InterfaceError):
        return True
    if isinstance(error, OperationalError):
        return not _is_bug(error)
    return not _OF_CONNECTIONS.isdisjoint(kind.__name__ for kind in type(error).__mro__)


def _is_bug(error: OperationalError) -> bool:
    # Django raises its own class from the driver's.
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    if code is not None:
        return bool(code == sqlite3.SQLITE_ERROR)
    number = error.args[0] if error.args else None
    return (
        isinstance(number, int)
        and number not in _MYSQL_SERVER
        and number not in _MYSQL_CLIENT
    )

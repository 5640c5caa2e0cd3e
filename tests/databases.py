"""The database servers of ``pytest --database``."""

from __future__ import annotations

import socket

from .extras import skip_or_fail


def need_server(database: str, host: str, port: str) -> None:
    """Skip the test, or fail it with AI_KIT_AUTH_REQUIRE_ALL, without a server."""
    if not host:
        # SQLite has no server.
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        variable = f"TEST_{database.upper()}"
        reason = (
            f"no {database} at {host}:{port} ({error}): start it, "
            f"or name another by {variable}_HOST, _PORT, _USER and _PASSWORD"
        )
        skip_or_fail(reason)

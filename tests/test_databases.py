"""A test without its server skips or fails, and never passes."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from .databases import need_server
from .extras import missing_modules

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """Yield a port without a listening server."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        yield port


def address_of(port: socket.socket) -> tuple[str, str]:
    host, number = port.getsockname()
    return host, str(number)


def test_what_python_cannot_import_is_missing() -> None:
    assert missing_modules("django", "no_such_module") == ["no_such_module"]


def test_a_server_that_listens_is_there(port: socket.socket) -> None:
    port.listen()
    need_server("postgresql", *address_of(port))
    port.accept()[0].close()


def test_without_a_server_the_test_is_skipped_and_says_what_to_do(
    port: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AI_KIT_AUTH_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="TEST_MARIADB_HOST, _PORT"):
        need_server("mariadb", *address_of(port))


def test_without_a_server_that_is_required_the_test_fails(
    port: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_KIT_AUTH_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="TEST_POSTGRESQL_HOST, _PORT"):
        need_server("postgresql", *address_of(port))

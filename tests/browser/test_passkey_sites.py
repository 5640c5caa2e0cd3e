"""
Passkeys over TLS, on ``app.`` and ``api.`` of one site and on one origin, in Chromium.

Chromium takes both names for this machine, and the certificate for a good one: it gives
pages with a bad one no passkeys.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.deployments import make_certificate

from .conftest import CHROMIUM_ARGUMENTS, chromium
from .example import PASSWORD, ROOT
from .processes import Program, environment, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.user_model("auth_user")

APP, API = "https://app.example.com", "https://api.example.com"
NET = "https://www.example.net"
# As docs/howto/passkeys.rst has it, and no further code.
SCRIPT = """
window.csrf = "";
window.ask = async (path, body, method = "POST") => {
  const answer = await fetch(`${window.api}/api/v1/auth/${path}`, {
    method: body ? method : "GET",
    credentials: "include",
    headers: { "Content-Type": "application/json", "X-CSRFToken": window.csrf },
    body: body && JSON.stringify(body),
  });
  const data = await answer.json();
  window.csrf = data.csrf ?? window.csrf;
  return { status: answer.status, data };
};
window.attempt = async (work) => {
  try { return await work(); } catch (error) { return { error: error.name }; }
};
window.add = (name) => attempt(async () => {
  const password = "PASSWORD";
  const { data } = await ask("factors/passkeys/options/", { password });
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(data.publicKey);
  const credential = (await navigator.credentials.create({ publicKey })).toJSON();
  return ask("factors/passkeys/", { name, password, credential });
});
window.logIn = (options, finish, more) => attempt(async () => {
  const { data } = await ask(options, {});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(data.publicKey);
  const credential = (await navigator.credentials.get({ publicKey })).toJSON();
  return ask(finish, { ...more, credential });
});
""".replace("PASSWORD", PASSWORD)
REFUSED = {"status": 400, "data": {"credential": ["invalid_credential"]}}


class Site:
    """The site, and a browser that takes its names for this machine."""

    def __init__(
        self, browser: Browser, folder: Path, rp_id: str, related: str
    ) -> None:
        port, self._pages = free_port(), ExitStack()
        pem = make_certificate(folder)
        self._program = Program(
            [sys.executable, "-m", "tests.browser.passkey_site"],
            log=folder / "site.log",
            cwd=ROOT,
            env=environment(
                SITE_FOLDER=str(folder),
                SITE_PORT=str(port),
                SITE_RP_ID=rp_id,
                SITE_RELATED_ORIGIN=related,
            ),
        )
        self._pages.callback(self._program.stop)
        self._program.wait_for_output("Ready")
        arguments = [
            f"--host-resolver-rules=MAP *:443 127.0.0.1:{port}",
            f"--ignore-certificate-errors-spki-list={fingerprint(pem)}",
        ]
        self._browser = browser.browser_type.launch(
            executable_path=chromium(), args=[*CHROMIUM_ARGUMENTS, *arguments]
        )
        self._pages.enter_context(closing(self._browser))

    def page(self, origin: str = APP, api: str = API) -> Page:
        """Return a page of ``origin``, in a new profile, for the API at ``api``."""
        context = self._browser.new_context()
        self._pages.callback(context.close)
        page = context.new_page()
        page.goto(f"{origin}/")
        page.evaluate(f"window.api = {api!r};{SCRIPT}")
        page.evaluate("ask('me/')")
        return page

    def close(self) -> None:
        self._pages.close()


def fingerprint(certificate: Path) -> str:
    """Return the hash of its public key, as the switch of Chromium takes it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import load_pem_x509_certificate

    text = certificate.read_bytes()
    pem = text[text.index(b"-----BEGIN CERTIFICATE") :]
    key = load_pem_x509_certificate(pem).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(info).digest()).decode()


@pytest.fixture
def new_site(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    with ExitStack() as sites:

        def new(rp_id: str = "", related: str = "") -> Site:
            site = Site(browser, tmp_path, rp_id, related)
            sites.callback(site.close)
            return site

        yield new


class Key:
    """A virtual authenticator in a page."""

    def __init__(self, page: Page, **changes: Any) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
            **changes,
        }
        made = self._session.send(
            "WebAuthn.addVirtualAuthenticator", {"options": options}
        )
        self._id = {"authenticatorId": made["authenticatorId"]}

    def ask(self, method: str, **params: Any) -> Any:
        return self._session.send(f"WebAuthn.{method}", {**self._id, **params})

    def credentials(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("getCredentials")["credentials"]
        return found


def by_password(page: Page) -> Any:
    body = {"ident": "ada", "password": PASSWORD}
    return page.evaluate("body => ask('login/', body)", body)


def add(page: Page) -> Any:
    return page.evaluate("add('Key')")


def by_passkey(page: Page) -> Any:
    return page.evaluate("logIn('passkey_login/options/', 'passkey_login/', {})")


def confirm(page: Page) -> Any:
    script = """logIn('second_factor/passkey_options/', 'confirm_password/',
                      { method: 'passkey' })"""
    return page.evaluate(script)


def log_out(page: Page) -> None:
    assert page.evaluate("ask('logout/', {})")["status"] == 200


@pytest.mark.parametrize(
    ("origin", "api"), [(APP, API), (APP, APP)], ids=["one site", "one origin"]
)
def test_a_passkey_over_tls(
    new_site: Callable[..., Site], origin: str, api: str
) -> None:
    page = new_site().page(origin, api)
    phone = Key(page)
    assert by_password(page)["status"] == 200
    made = add(page)
    assert made["status"] == 201, made
    assert made["data"]["passwordless"] is True
    [credential] = phone.credentials()
    assert credential["rpId"] == "example.com"
    log_out(page)
    answer = by_passkey(page)
    assert answer["data"]["user"]["username"] == "ada", answer
    assert confirm(page)["status"] == 200
    # The device has one of this account by now.
    assert add(page) == {"error": "InvalidStateError"}


def test_the_apis_host_is_no_rp_id(new_site: Callable[..., Site]) -> None:
    page = new_site("api.example.com").page()
    Key(page)
    by_password(page)
    assert add(page) == {"error": "SecurityError"}
    log_out(page)
    assert by_passkey(page) == {"error": "SecurityError"}


def test_a_page_of_a_related_origin(new_site: Callable[..., Site]) -> None:
    """Chromium asks ``/.well-known/webauthn`` of the RP ID's host."""
    site = new_site(related=NET)
    page = site.page()
    phone = Key(page)
    by_password(page)
    assert add(page)["status"] == 201
    other = site.page(NET, NET)
    Key(other).ask("addCredential", credential=phone.credentials()[0])
    assert by_passkey(other)["status"] == 200


def test_a_page_of_another_origin(new_site: Callable[..., Site]) -> None:
    page = new_site().page(NET, NET)
    Key(page)
    by_password(page)
    assert add(page) == {"error": "SecurityError"}


def test_keys_of_all_kinds(new_site: Callable[..., Site]) -> None:
    page = new_site().page()
    roaming = {"transport": "usb"}
    unstored = {**roaming, "hasResidentKey": False}
    # Chromium would ask for a PIN first where it can store.
    plain = {**unstored, "hasUserVerification": False, "isUserVerified": False}
    kinds: list[tuple[dict[str, Any], bool]] = [
        (roaming, True),
        (unstored, False),
        (plain, False),
        ({**plain, "protocol": "u2f"}, False),
    ]
    by_password(page)
    for changes, logs_in in kinds:
        key = Key(page, **changes)
        made = add(page)
        assert made.get("status") == 201, (changes, made)
        assert made["data"]["passwordless"] is logs_in, changes
        assert len(key.credentials()) == 1
        # Only one that is there is asked.
        key.ask("removeVirtualAuthenticator")


def test_a_cloned_authenticator(new_site: Callable[..., Site]) -> None:
    site = new_site()
    page = site.page()
    phone = Key(page)
    by_password(page)
    assert add(page)["status"] == 201
    [copied] = phone.credentials()
    log_out(page)
    for _ in range(2):
        assert by_passkey(page)["status"] == 200
        log_out(page)
    thief = site.page()
    Key(thief).ask("addCredential", credential=copied)
    assert by_passkey(thief) == REFUSED
    assert by_passkey(page)["status"] == 200

"""
A browser that asks a server of another origin.

Its rules are those of the Fetch standard (CORS protocol) and of RFC 6265bis (cookies),
as Chromium applies them: a cookie without ``SameSite`` is ``Lax``, ``None`` needs
``Secure``, and this machine counts as secure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from ..checks.origins import Origin, is_public_suffix, origin_of
from .servers import Answer, Server

MOST_BYTES = 4096  # of a cookie's name and value, RFC 6265bis, section 5.6


DEFAULT_HEADER = "X-CSRFToken"
_SAFELISTED = {"GET", "HEAD", "POST"}


@dataclass(eq=False)
class Blocked(Exception):
    """
    The page gets no answer; ``kind`` says which rule stopped it.

    ``console`` is what the browser writes to its console. ``answer`` is the answer that
    it hides from the page, None if no request was sent. ``detail`` is the part of the
    answer that broke the rule. ``preflight`` tells whether the request was a preflight.
    """

    kind: str
    console: str
    answer: Answer | None = None
    detail: str = ""
    preflight: bool = True


@dataclass
class Cookie:
    """A cookie that the browser has stored."""

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    same_site: str

    def belongs_to(self, origin: Origin) -> bool:
        """Tell whether the cookie's host or domain matches ``origin``."""
        if self.host_only:
            return origin.host == self.domain
        return _matches_domain(origin.host, self.domain)

    def covers(self, path: str) -> bool:
        """Tell whether its path is a prefix of ``path`` (RFC 6265bis, 5.1.4)."""
        return path == self.path or path.startswith(f"{self.path.rstrip('/')}/")


@dataclass
class CookieJar:
    """
    The browser's cookies, and those that it rejected or lost.

    ``refused`` maps the name of a cookie to the reason: ``insecure``,
    ``none_without_secure``, ``cross_site``, ``domain``, ``prefix``, ``too_big``,
    ``expired`` (it had expired when it was set) or ``ended`` (a later answer deleted
    it). ``flags`` has the last cookie of each name that a server set.
    """

    cookies: dict[tuple[str, str, str], Cookie] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    flags: dict[str, Cookie] = field(default_factory=dict)

    def header(self, url: str, *, same_site: bool) -> str:
        """Return the ``Cookie`` header of a request by script to ``url``."""
        # Longer paths go first (RFC 6265bis, 5.8.3).
        return "; ".join(
            f"{cookie.name}={cookie.value}"
            for cookie in sorted(self.cookies.values(), key=lambda c: -len(c.path))
            if self.withheld(cookie, url, same_site=same_site) is None
        )

    def withheld(self, cookie: Cookie, url: str, *, same_site: bool) -> str | None:
        """Return why ``cookie`` is not sent to ``url``, or None if it is."""
        origin = origin_of(url)
        if not cookie.belongs_to(origin):
            return "domain"
        if not cookie.covers(urlsplit(url).path or "/"):
            return "path"
        if cookie.secure and not origin.is_secure:
            return "insecure"
        if not same_site and cookie.same_site != "none":
            return "cross_site"
        return None

    def missing(self, name: str, url: str, *, same_site: bool) -> str | None:
        """
        Return why no cookie ``name`` is sent to ``url``, or None if one is.

        The reasons are those of ``refused``, ``path``, and ``not_set`` if the server
        never set the cookie.
        """
        reasons = [
            self.withheld(cookie, url, same_site=same_site)
            for cookie in self.cookies.values()
            if cookie.name == name
        ]
        if None in reasons:
            return None
        return next(iter(reasons), None) or self.refused.get(name, "not_set")

    def store(self, answer: Answer, url: str, *, same_site: bool) -> None:
        """Store the cookies that ``answer`` sets, or note why they are rejected."""
        for line in answer.all("Set-Cookie"):
            self._store(line, url, same_site=same_site)

    def _store(self, line: str, url: str, *, same_site: bool) -> None:
        pair, *rest = (part.strip() for part in line.split(";"))
        name, equals, value = pair.partition("=")
        if not equals:
            name, value = "", name
        attributes = {
            key.strip().lower(): text.strip()
            for key, _, text in (part.partition("=") for part in rest)
        }
        host = origin_of(url).host
        domain = attributes.get("domain", "").lstrip(".").lower()
        path = attributes.get("path", "")
        cookie = Cookie(
            name,
            value,
            domain=domain or host,
            host_only=not domain,
            path=path if path.startswith("/") else _folder(url),
            secure="secure" in attributes,
            http_only="httponly" in attributes,
            same_site=attributes.get("samesite", "").lower() or "lax",
        )
        key = (name, cookie.domain, cookie.path)
        if _is_over(attributes):
            if self.cookies.pop(key, None) is not None:
                self.refused[name] = "ended"
            elif value.strip('"'):
                self.refused[name] = "expired"
            return
        self.flags[name] = cookie
        reason = _refusal(cookie, url, same_site=same_site)
        if reason is None:
            self.refused.pop(name, None)
            self.cookies[key] = cookie
        else:
            self.refused[name] = reason


def _refusal(cookie: Cookie, url: str, *, same_site: bool) -> str | None:
    origin = origin_of(url)
    if len(cookie.name) + len(cookie.value) > MOST_BYTES:
        return "too_big"
    if cookie.secure and not origin.is_secure:
        return "insecure"
    if cookie.same_site == "none" and not cookie.secure:
        return "none_without_secure"
    if not cookie.belongs_to(origin) or (
        not cookie.host_only and is_public_suffix(cookie.domain)
    ):
        return "domain"
    prefixed = cookie.name.lower()
    if prefixed.startswith("__secure-") and not cookie.secure:
        return "prefix"
    if prefixed.startswith("__host-") and not (
        cookie.secure and cookie.host_only and cookie.path == "/"
    ):
        return "prefix"
    if not same_site and cookie.same_site != "none":
        return "cross_site"
    return None


def _is_over(attributes: Mapping[str, str]) -> bool:
    # Max-Age takes precedence over Expires; a value that is no number does not count.
    seconds = attributes.get("max-age", "")
    if re.fullmatch("-?[0-9]+", seconds):
        return int(seconds) <= 0
    try:
        moment = parsedate_to_datetime(attributes["expires"])
    except (KeyError, ValueError):
        return False
    return moment.replace(tzinfo=moment.tzinfo or UTC) <= datetime.now(UTC)


def _matches_domain(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _folder(url: str) -> str:
    return (urlsplit(url).path or "/").rpartition("/")[0] or "/"


class Browser:
    """
    One browser with one open page of ``origin``.

    Its requests go to ``server``. ``token_header`` is the header in which the page
    sends the CSRF token. With ``lenient`` it ignores CORS, as no real browser does, to
    find out what else is wrong. Every method raises :exc:`Blocked` if the page would
    see only a failed request, and :exc:`~ai_kit_auth.doctor.servers.Unreachable`.
    """

    def __init__(
        self, origin: Origin, server: Server, token_header: str = DEFAULT_HEADER
    ) -> None:
        self.origin = origin
        self.server = server
        self.token_header = token_header
        self.lenient = False
        self.jar = CookieJar()

    @property
    def asked_for(self) -> tuple[str, ...]:
        """Return the headers that a preflight asks for."""
        return "content-type", self.token_header.lower()

    def is_same_site(self, url: str) -> bool:
        return self.origin.is_same_site(origin_of(url))

    def fetch(
        self,
        method: str,
        url: str,
        data: Mapping[str, Any] | None = None,
        *,
        csrf: str = "",
    ) -> Answer:
        """
        Return the answer to ``fetch(url, {credentials: "include", ...})``.

        ``data`` is sent as JSON, ``csrf`` in the token's header. Every request has that
        header, as with the React client of 2.0.0.
        """
        minded = self._is_foreign(url) and not self.lenient
        self._refuse_mixed_content(url)
        if minded:
            self.preflight(method, url, self.asked_for)
        answer = self.send(method, url, data, csrf=csrf)
        if minded:
            self._may_read(answer, url)
        return answer

    def send(
        self,
        method: str,
        url: str,
        data: Mapping[str, Any] | None = None,
        *,
        csrf: str = "",
        origin: Origin | None = None,
    ) -> Answer:
        """
        Return the answer to a request of ``fetch``, even if the page may not read it.

        ``origin`` replaces the page's origin, as no real browser does.
        """
        same_site = self.is_same_site(url)
        headers = {
            **self._common(),
            "Content-Type": "application/json",
            self.token_header: csrf,
            **self._cookies(url, same_site=same_site),
        }
        if self._is_foreign(url) or method != "GET":
            headers["Origin"] = str(origin or self.origin)
        body = b"" if data is None else json.dumps(data).encode()
        answer = self.server.send(method, url, headers, body)
        self.jar.store(answer, url, same_site=same_site)
        return answer

    def preflight(self, method: str, url: str, headers: tuple[str, ...]) -> Answer:
        """
        Send the CORS preflight for a request with ``method`` and ``headers``.

        Browsers do not read ``Access-Control-Allow-Methods`` for GET and POST.
        """
        self._refuse_mixed_content(url)
        answer = self.server.send(
            "OPTIONS",
            url,
            {
                **self._common(),
                "Origin": str(self.origin),
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": ",".join(headers),
            },
        )
        if answer.is_redirect:
            raise self._blocked(
                "redirect",
                url,
                "Redirect is not allowed for a preflight request.",
                answer,
                detail=answer.get("Location"),
                preflight=True,
            )
        self._may_read(answer, url, preflight=True)
        if not answer.is_success:
            raise self._blocked(
                "status",
                url,
                "It does not have HTTP ok status.",
                answer,
                preflight=True,
            )
        allowed = _listed(answer.get("Access-Control-Allow-Methods"))
        if method not in _SAFELISTED and method.lower() not in allowed:
            message = (
                f"Method {method} is not allowed by Access-Control-Allow-Methods in "
                "preflight response."
            )
            raise self._blocked("method", url, message, answer, method, preflight=True)
        allowed = _listed(answer.get("Access-Control-Allow-Headers"))
        for header in headers:
            if header not in allowed:
                message = (
                    f"Request header field {header} is not allowed by "
                    "Access-Control-Allow-Headers in preflight response."
                )
                raise self._blocked(
                    "header", url, message, answer, header, preflight=True
                )
        return answer

    def open(self, url: str) -> Answer:
        """Return the answer to ``url`` in the address bar."""
        headers = {**self._common(), **self._cookies(url, same_site=True)}
        answer = self.server.send("GET", url, headers)
        self.jar.store(answer, url, same_site=True)
        return answer

    def submit(self, url: str, form: Mapping[str, str]) -> Answer:
        """Return the answer to a form on the page ``url`` that is sent to ``url``."""
        headers = {
            **self._common(),
            **self._cookies(url, same_site=True),
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": str(origin_of(url)),
            "Referer": url,
        }
        answer = self.server.send("POST", url, headers, urlencode(form).encode())
        self.jar.store(answer, url, same_site=True)
        return answer

    def _is_foreign(self, url: str) -> bool:
        return origin_of(url) != self.origin

    def _common(self) -> dict[str, str]:
        return {"Accept": "*/*", "User-Agent": "ai_kit_auth_doctor"}

    def _cookies(self, url: str, *, same_site: bool) -> dict[str, str]:
        cookies = self.jar.header(url, same_site=same_site)
        return {"Cookie": cookies} if cookies else {}

    def _refuse_mixed_content(self, url: str) -> None:
        if self.origin.scheme == "https" and not origin_of(url).is_secure:
            console = (
                f"Mixed Content: The page at '{self.origin}/' was loaded over HTTPS, "
                f"but requested an insecure resource '{url}'. This request has been "
                "blocked; the content must be served over HTTPS."
            )
            raise Blocked("mixed_content", console)

    def _may_read(self, answer: Answer, url: str, *, preflight: bool = False) -> None:
        """Raise :exc:`Blocked` unless CORS allows the page to read the answer."""
        allowed = answer.all("Access-Control-Allow-Origin")
        if not allowed:
            raise self._blocked(
                "no_allow_origin",
                url,
                "No 'Access-Control-Allow-Origin' header is present on the requested "
                "resource.",
                answer,
                preflight=preflight,
            )
        value = ", ".join(allowed)
        if len(allowed) > 1 or "," in value:
            raise self._blocked(
                "two_allow_origins",
                url,
                "The 'Access-Control-Allow-Origin' header contains multiple values "
                f"'{value}', but only one is allowed.",
                answer,
                value,
                preflight=preflight,
            )
        if value == "*":
            raise self._blocked(
                "wildcard",
                url,
                "The value of the 'Access-Control-Allow-Origin' header in the response "
                "must not be the wildcard '*' when the request's credentials mode is "
                "'include'.",
                answer,
                preflight=preflight,
            )
        if value != str(self.origin):
            raise self._blocked(
                "other_origin",
                url,
                f"The 'Access-Control-Allow-Origin' header has a value '{value}' that "
                "is not equal to the supplied origin.",
                answer,
                value,
                preflight=preflight,
            )
        credentials = answer.get("Access-Control-Allow-Credentials")
        if credentials != "true":
            raise self._blocked(
                "no_credentials",
                url,
                "The value of the 'Access-Control-Allow-Credentials' header in the "
                f"response is '{credentials}' which must be 'true' when the request's "
                "credentials mode is 'include'.",
                answer,
                preflight=preflight,
            )

    def _blocked(
        self,
        kind: str,
        url: str,
        message: str,
        answer: Answer,
        detail: str = "",
        *,
        preflight: bool = False,
    ) -> Blocked:
        lead = f"Access to fetch at '{url}' from origin '{self.origin}'"
        check = (
            "Response to preflight request doesn't pass access control check: "
            if preflight and kind not in {"header", "method"}
            else ""
        )
        return Blocked(
            kind,
            f"{lead} has been blocked by CORS policy: {check}{message}",
            answer,
            detail,
            preflight,
        )


def _listed(value: str) -> set[str]:
    return {part.strip().lower() for part in value.split(",")}

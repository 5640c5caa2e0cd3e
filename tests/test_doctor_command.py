"""``manage.py ai_kit_auth_doctor``: its options, its report and its exit codes."""

from __future__ import annotations

import gc
import json
import os
import warnings
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from ai_kit_auth.checks.mails import has_mailers
from ai_kit_auth.doctor.servers import InProcess

from .browser.processes import free_port
from .deployments import running
from .examinations import HEALTHY, SMTP, Report, examine, run, transport
from .misconfigurations import API, FRONTEND


@pytest.fixture
def _healthy(db: None) -> Any:
    with override_settings(**HEALTHY):
        yield


# The report


@pytest.mark.usefixtures("_healthy")
def test_the_report_has_a_line_a_step() -> None:
    code, text = run("--origin", FRONTEND, "--api", API)
    assert code == 0
    lines = text.splitlines()
    assert lines[0] == f"{FRONTEND} to {API}/api/v1/auth/ (same site)"
    assert "  ok       login/" in lines
    assert "\x1b" not in text
    assert "guess" not in text
    assert lines[-1].endswith(" ok") or "skipped" in lines[-1]


@pytest.mark.usefixtures("_healthy")
def test_a_failure_has_console_cause_and_setting() -> None:
    with override_settings(CORS_ALLOW_CREDENTIALS=False):
        code, text = run("--origin", FRONTEND, "--api", API)
    assert code == 1
    assert "  failed   preflight login/\n           console  Access to fetch at" in text
    assert "           cause    The origin is allowed, but without cookies." in text
    assert "           setting  CORS_ALLOW_CREDENTIALS = True\n" in text
    # One line, not eight.
    assert (
        "           cause    The origin is allowed, but without cookies. 7 more "
        in text
    )
    walked = text.partition(f"{FRONTEND} to")[2]
    assert walked.count("setting  CORS_ALLOW_CREDENTIALS = True\n") == 1
    assert text.endswith("1 failed, 1 warning, 1 skipped\n")


@pytest.mark.usefixtures("_healthy")
def test_what_a_check_says_is_in_the_report() -> None:
    with override_settings(CSRF_TRUSTED_ORIGINS=["app.example.com"]):
        code, text = run("--origin", FRONTEND, "--api", API)
    assert code == 1
    assert text.startswith("System checks\n")
    assert "  failed   check 4_0.E001\n" in text.partition(FRONTEND + " to")[0]


@pytest.mark.usefixtures("_healthy")
def test_a_silenced_check_is_silent() -> None:
    wrong = {"CORS_ALLOWED_ORIGINS": [f"{FRONTEND}/"]}
    silenced = ["corsheaders.E014", "ai_kit_auth.W012"]
    with override_settings(**wrong, SILENCED_SYSTEM_CHECKS=silenced):
        assert examine("--origin", FRONTEND, "--api", API).findings == []


@pytest.mark.usefixtures("_healthy")
def test_in_production_our_checks_for_a_deployment_are_in_it() -> None:
    with override_settings(DEBUG=False):
        report = examine("--origin", FRONTEND, "--api", API)
    assert "check ai_kit_auth.W001" in [step["name"] for step in report.data["checks"]]
    # All of Django's own are not.
    assert not any("security." in step["name"] for step in report.data["checks"])


@pytest.mark.usefixtures("_healthy")
def test_json_has_the_documented_keys() -> None:
    report = examine("--mail", "ada@example.com")
    assert list(report.data) == ["ok", "checks", "walks", "mails"]
    [walk] = report.walks
    assert list(walk) == ["origin", "api", "relation", "guessed", "steps"]
    for step in report.steps:
        assert list(step) == ["name", "state", "console", "cause", "setting"]
        assert all(isinstance(value, str) for value in step.values())
        assert step["state"] in {"ok", "failed", "warning", "info", "skipped"}


@pytest.mark.usefixtures("_healthy")
@pytest.mark.parametrize("option", [(), ("--json",)])
@pytest.mark.parametrize("credentials", [True, False])
def test_a_pipe_that_is_closed_is_no_traceback(
    option: tuple[str, ...], credentials: bool
) -> None:
    """As of ``ai_kit_auth_doctor | head``; the exit code is the report's."""
    reads, writes = os.pipe()
    os.close(reads)
    code = 0
    with (
        override_settings(CORS_ALLOW_CREDENTIALS=credentials),
        os.fdopen(writes, "w") as stdout,
    ):
        try:
            call_command("ai_kit_auth_doctor", *option, stdout=stdout)
        except SystemExit as end:
            code = int(str(end.code))
    assert code == (0 if credentials else 1)


@pytest.mark.usefixtures("_healthy")
def test_a_repeated_cause_is_whole_in_json() -> None:
    """Each step has its cause, where the text says "same cause as above"."""
    origins = ("--origin", FRONTEND, "--origin", "https://b.example.com", "--api", API)
    with override_settings(CORS_ALLOWED_ORIGINS=["https://c.example.com"]):
        report = examine(*origins)
    assert len(report.failed) >= 2
    assert all(step["cause"] and step["setting"] for step in report.failed)
    assert "same cause as above" not in json.dumps(report.data)


@pytest.mark.usefixtures("_healthy")
def test_colours_are_for_terminals() -> None:
    assert "\x1b[" in run("--force-color")[1]
    assert "\x1b" not in run("--no-color")[1]
    assert "\x1b" not in run("--json", "--force-color")[1]


# Which origins, and where the API is


@pytest.mark.usefixtures("_healthy")
def test_without_options_it_walks_from_every_frontend() -> None:
    both = [FRONTEND, "https://admin.example.com"]
    with override_settings(CORS_ALLOWED_ORIGINS=both, CSRF_TRUSTED_ORIGINS=both):
        report = examine()
    assert [walk["origin"] for walk in report.walks] == both
    assert report.code == 0


@pytest.mark.usefixtures("_healthy")
def test_several_origins_may_be_given() -> None:
    report = examine("--origin", FRONTEND, "--origin", "https://www.example.com/")
    origins = [walk["origin"] for walk in report.walks]
    assert origins == [FRONTEND, "https://www.example.com"]
    assert report.code == 1
    assert "https://www.example.com" in report.failed[0]["setting"]


@pytest.mark.parametrize(
    ("hosts", "page", "api"),
    [
        (["api.example.com"], "https://app.example.com", "https://api.example.com"),
        (["api.example.com"], "http://app.example.com", "http://api.example.com"),
        (
            ["localhost", "example.net", "api.example.com"],
            "https://app.example.com",
            "https://api.example.com",
        ),
        (["example.net"], "https://app.example.com", "https://example.net"),
        (["*"], "https://app.example.com", "https://api.example.com"),
        ([".example.com"], "https://example.com", "https://api.example.com"),
        (["localhost"], "https://app.example.com", "https://api.example.com"),
        ([], "http://localhost:3000", "http://localhost:8000"),
        (["api.example.com"], "http://127.0.0.1:3000", "http://127.0.0.1:8000"),
        (["localhost"], "http://127.0.0.1:3000", "http://localhost:8000"),
        (["*"], "http://192.0.2.7:3000", "http://192.0.2.7:8000"),
    ],
)
@pytest.mark.django_db
def test_where_the_api_is_gets_guessed_and_said(
    hosts: list[str], page: str, api: str
) -> None:
    with override_settings(ALLOWED_HOSTS=hosts, DEBUG=True):
        report = examine("--origin", page)
        _, text = run("--origin", page)
    [walk] = report.walks
    assert walk["api"] == f"{api}/api/v1/auth/"
    assert walk["guessed"] is True
    assert "is a guess from ALLOWED_HOSTS" in text


@pytest.mark.usefixtures("_healthy")
def test_an_address_that_is_given_is_no_guess() -> None:
    [walk] = examine("--origin", FRONTEND, "--api", API).walks
    assert walk["guessed"] is False


@pytest.mark.usefixtures("_healthy")
def test_without_any_frontend_the_checks_are_still_told() -> None:
    with override_settings(AI_KIT_AUTH={"FRONTED": {}}, CORS_ALLOWED_ORIGINS=[]):
        report = examine()
    assert report.code == 1
    assert report.walks == []
    assert "FRONTEND" in report.step("frontend")["setting"]
    assert "did you mean 'FRONTEND'?" in report.step("check ai_kit_auth.E001")["cause"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--origin", "app.example.com"], "--origin 'app.example.com' has no scheme."),
        (["--origin", "https://app.example.com/app"], "has a path."),
        (["--origin", "ftp://app.example.com"], "has the scheme 'ftp'"),
        (["--api", "api.example.com"], "--api 'api.example.com' has no scheme."),
        (["--url", "api.example.com/auth/"], "has no scheme."),
        (["--url", "https://api.example.com/?a=1"], "has a query or a fragment."),
        (["--url", "https://api.example.com:99999/"], "ort out of range"),
        (["--url", "https://a.example/", "--api", API], "use one of the two options"),
        (["--mail", "ada"], "--mail 'ada' is not an e-mail address."),
    ],
)
def test_an_option_that_makes_no_sense_ends_with_2(
    options: list[str], told: str
) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("ai_kit_auth_doctor", *options)
    assert told in str(caught.value)
    assert caught.value.returncode == 2


# Mails


@pytest.mark.usefixtures("_healthy")
def test_no_mail_goes_out_unasked() -> None:
    run()
    assert mail.outbox == []


@pytest.mark.usefixtures("_healthy")
def test_each_mail_goes_once_to_the_address_that_asks_for_it() -> None:
    text = run("--mail", "ada@example.com")[1]
    assert "Mails\n  warning  SEND_USER_ACTIVATION_MAIL\n" in text
    mail.outbox.clear()
    report = examine("--mail", "ada@example.com")
    assert [message.to for message in mail.outbox] == [["ada@example.com"]] * 10
    # The notice of a change and that of a reset are one text.
    assert len({message.subject for message in mail.outbox}) == 9
    linked = ["token=sample" in message.body for message in mail.outbox]
    assert linked == [True] * 5 + [False] * 5
    # It says that no mailbox will have them.
    assert [step["state"] for step in report.data["mails"]] == ["warning"] * 10
    assert "locmem" in report.data["mails"][0]["cause"]
    assert report.code == 0


@pytest.mark.usefixtures("_healthy")
def test_a_server_that_is_not_there_is_named() -> None:
    with override_settings(**transport(SMTP, host="127.0.0.1", port=free_port())):
        report = examine("--mail", "ada@example.com")
    assert report.code == 1
    step = report.step("SEND_RESET_PW_MAIL")
    assert "ConnectionRefusedError" in step["console"]
    assert ("MAILERS" if has_mailers() else "EMAIL_HOST") in step["setting"]


class Clerk(StreamRequestHandler):
    """Speaks enough SMTP to refuse what begins with ``refused``."""

    # Whoever is refused may leave without a word.
    timeout = 1
    refused: bytes
    code: bytes

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        with suppress(TimeoutError):
            self._answer()

    def _answer(self) -> None:
        for line in self.rfile:
            if line.upper().startswith(self.refused):
                self.wfile.write(self.code + b" no\r\n")
            elif line.upper().startswith(b"EHLO"):
                self.wfile.write(b"250-here\r\n250 AUTH PLAIN LOGIN\r\n")
            else:
                self.wfile.write(b"250 fine\r\n")


def _refused() -> Report:
    with warnings.catch_warnings():
        # Django leaves the connection open when a login is refused.
        warnings.simplefilter("ignore", ResourceWarning)
        report = examine("--mail", "ada@example.com")
        gc.collect()
    return report


@pytest.mark.usefixtures("_healthy")
@pytest.mark.parametrize(
    ("refused", "code", "login", "names"),
    [
        (b"AUTH", b"535", {"password": "wrong"}, "password"),
        (b"MAIL", b"553", {}, "DEFAULT_FROM_EMAIL"),
        (b"RCPT", b"550", {}, "allows this sender"),
        (b"DATA", b"554", {}, "MAILERS" if has_mailers() else "EMAIL_HOST"),
    ],
)
def test_what_a_mail_server_refuses_is_told(
    refused: bytes, code: bytes, login: dict[str, str], names: str
) -> None:
    user = {"username" if has_mailers() else "host_user": "ada"} if login else {}
    secret = {
        name if has_mailers() else f"host_{name}": value
        for name, value in login.items()
    }
    clerk = type("Refusing", (Clerk,), {"refused": refused, "code": code})
    with ThreadingTCPServer(("127.0.0.1", 0), clerk) as server, running(server):
        port = server.socket.getsockname()[1]
        with override_settings(
            **transport(SMTP, host="127.0.0.1", port=port, **user, **secret)
        ):
            report = _refused()
    step = report.step("SEND_RESET_PW_MAIL")
    assert step["state"] == "failed"
    assert code.decode() in step["console"]
    assert names in step["setting"].lower() + step["setting"]


class OwnBackend:
    """A mail backend of the project, for a service that takes everything."""

    def __init__(self, **options: Any) -> None:
        pass

    def send_messages(self, messages: list[Any]) -> int:
        return len(messages)


@pytest.mark.usefixtures("_healthy")
def test_a_mail_that_is_taken_is_ok() -> None:
    with override_settings(**transport("tests.test_doctor_command.OwnBackend")):
        report = examine("--mail", "ada@example.com")
    assert [step["state"] for step in report.data["mails"]] == ["ok"] * 10


def out_of_credit(user: Any, url: str) -> None:
    raise LookupError("no credit left")


def broken_template(user: Any, url: str) -> None:
    from django.template import Template

    Template("{% of %}")


@pytest.mark.usefixtures("_healthy")
@pytest.mark.parametrize(
    ("sender", "console", "setting"),
    [
        ("tests.test_doctor_command.out_of_credit", "LookupError: no credit", "SEND_"),
        (
            "tests.test_doctor_command.broken_template",
            "TemplateSyntaxError",
            "EMAIL_TEMPLATES",
        ),
        ("tests.missing", "InvalidConfigurationError", "['SEND_RESET_PW_MAIL']"),
    ],
)
def test_a_sender_that_fails_is_named(sender: str, console: str, setting: str) -> None:
    given = {"FRONTEND": {"URL": FRONTEND}, "SEND_RESET_PW_MAIL": sender}
    with override_settings(AI_KIT_AUTH=given):
        report = examine("--mail", "ada@example.com")
    step = report.step("SEND_RESET_PW_MAIL")
    assert step["state"] == "failed"
    assert console in step["console"]
    assert setting in step["setting"]
    # The others go out all the same.
    assert len(mail.outbox) == 9


def test_an_engine_that_answers_nothing_is_not_asked_twice() -> None:
    with override_settings(MIDDLEWARE=[]):
        server = InProcess()
        server.send("GET", f"{API}/nowhere/", {})
        assert server.answering_middleware() is None

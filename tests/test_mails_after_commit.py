"""Mails follow the commit, hold no lock, and leave no secret behind."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection, connections, transaction
from django.db.models import ProtectedError
from django.db.models.signals import post_save, pre_delete, pre_save
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.views.debug import ExceptionReporter
from rest_framework.test import APIClient

from ai_kit_auth import services, signals
from ai_kit_auth.account import services as account
from ai_kit_auth.account import signals as account_signals
from ai_kit_auth.errors import MailNotSent
from ai_kit_auth.registration import register as make_account

from .accounts import csrf, log_in, post, registration, the_user
from .conftest import OTHER_PASSWORD, PASSWORD, MakeUser

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.user_model("auth_user"),
    pytest.mark.urls("tests.urlconfs.account"),
]

SENDERS = (
    "SEND_USER_ACTIVATION_MAIL",
    "SEND_ACTIVATION_BY_ADMIN_MAIL",
    "SEND_RESET_PW_MAIL",
    "SEND_ACCOUNT_EXISTS_MAIL",
    "SEND_CONFIRM_EMAIL_MAIL",
    "SEND_SECURITY_NOTICE",
)


@pytest.fixture
def use(settings: Any) -> Callable[..., None]:
    """Return a function that has all mails sent by one sender."""

    def use(sender: Callable[[Any, str], None], **changes: Any) -> None:
        senders = dict.fromkeys(SENDERS, sender)
        settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, **senders, **changes}

    return use


@contextmanager
def connected(signal: Any, receiver: Callable[..., Any]) -> Iterator[None]:
    signal.connect(receiver)
    try:
        yield
    finally:
        signal.disconnect(receiver)


# What asks for a mail, each as (how it is asked for, how many mails that makes)


def register(make_user: MakeUser) -> Any:
    return post(APIClient(), "register", registration())


def register_taken(make_user: MakeUser) -> Any:
    make_user("eve", email="ada@example.com")
    return post(APIClient(), "register", registration())


def reset(make_user: MakeUser) -> Any:
    make_user()
    return post(APIClient(), "send_pw_reset_email", {"email": "ada@example.com"})


def resend(make_user: MakeUser) -> Any:
    make_account(registration())
    return post(APIClient(), "resend_activation_email", {"email": "ada@example.com"})


def change_email(make_user: MakeUser) -> Any:
    make_user()
    client = APIClient()
    log_in(client, "ada", PASSWORD)
    body = {"email": "new@example.com", "password": PASSWORD}
    return post(client, "change_email", body, **csrf(client))


def reset_by_link(make_user: MakeUser) -> Any:
    link = services.get_password_reset_url(make_user())
    ident, token = (part.split("=")[1] for part in link.split("?")[1].split("&"))
    body = {"ident": ident, "token": token, "password": OTHER_PASSWORD}
    return post(APIClient(), "pw_reset", body)


def admin(make_user: MakeUser) -> Client:
    root = make_user("root", is_staff=True, is_superuser=True)
    client = Client(raise_request_exception=False)
    client.force_login(root)
    return client


def add_page(make_user: MakeUser) -> Any:
    data = {"username": "ada", "email": "ada@example.com", "usable_password": "true"}
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    url = reverse("admin:auth_user_add")
    return admin(make_user).post(url, {**data, **passwords})


def reset_action(make_user: MakeUser) -> Any:
    ada = make_user()
    data = {"action": "send_password_reset_mail", "_selected_action": [ada.pk]}
    return admin(make_user).post(reverse("admin:auth_user_changelist"), data)


ASKED = (
    register,
    register_taken,
    reset,
    resend,
    change_email,
    add_page,
    reset_action,
)
each = pytest.mark.parametrize("ask", ASKED)


@each
@pytest.mark.parametrize("hides", [False, True])
def test_no_transaction_is_open_while_a_mail_is_sent(
    make_user: MakeUser,
    use: Callable[..., None],
    ask: Callable[..., Any],
    hides: bool,
) -> None:
    """A queue that is faster finds the account, and no request waits for the file."""
    seen: list[tuple[bool, bool]] = []

    def note(user: Any, url: str) -> None:
        stored = get_user_model().objects.filter(pk=user.pk).exists()
        seen.append((connection.in_atomic_block, stored))

    use(note, PREVENT_ENUMERATION=hides)
    assert ask(make_user).status_code in {200, 201, 302, 400}
    assert set(seen) == ({(False, True)} if seen else set())
    assert seen or (ask is register_taken and not hides)


# Transactions of the project around ours


def around(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Be a middleware with a transaction around each request, undone on demand."""

    def middleware(request: Any) -> Any:
        with transaction.atomic():
            response = get_response(request)
            transaction.set_rollback("X-Undo" in request.headers)
            return response

    return middleware


@pytest.fixture(params=["ATOMIC_REQUESTS", "a middleware", "both"])
def enclosed(
    request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if request.param != "a middleware":
        server = connections.settings["default"]
        monkeypatch.setitem(server, "ATOMIC_REQUESTS", True)
    if request.param != "ATOMIC_REQUESTS":
        settings.MIDDLEWARE = [f"{__name__}.around", *settings.MIDDLEWARE]


@each
@pytest.mark.usefixtures("enclosed")
@pytest.mark.parametrize("hides", [False, True])
def test_nor_is_one_of_the_project(
    make_user: MakeUser,
    use: Callable[..., None],
    ask: Callable[..., Any],
    hides: bool,
) -> None:
    """ATOMIC_REQUESTS is around the views of the admin, too."""
    test_no_transaction_is_open_while_a_mail_is_sent(make_user, use, ask, hides)


@pytest.mark.parametrize("ask", ["register", "add page"])
@pytest.mark.parametrize("hides", [False, True])
def test_what_the_project_undoes_gets_no_mail(
    make_user: MakeUser, settings: Any, ask: str, hides: bool
) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": hides}
    settings.MIDDLEWARE = [f"{__name__}.around", *settings.MIDDLEWARE]
    undo = {"X-Undo": "1"}
    if ask == "register":
        post(APIClient(), "register", registration(), headers=undo)
    else:
        data = {"username": "ada", "email": "ada@example.com"}
        passwords = {"password1": PASSWORD, "password2": PASSWORD}
        body = {**data, **passwords, "usable_password": "true"}
        admin(make_user).post(reverse("admin:auth_user_add"), body, headers=undo)
    assert not get_user_model().objects.filter(username="ada").exists()
    assert mail.outbox == []


@pytest.mark.parametrize("ask", [register, add_page])
@pytest.mark.usefixtures("enclosed")
def test_an_account_whose_mail_fails_after_that_is_taken_back(
    make_user: MakeUser,
    use: Callable[..., None],
    ask: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whether or not the client can still be told."""

    def fail(user: Any, url: str) -> None:
        raise ConnectionError

    use(fail)
    assert ask(make_user).status_code in {201, 302, 503}
    assert not get_user_model().objects.filter(username="ada").exists()
    assert "was not handed over" in caplog.text


def test_code_of_the_project_may_have_a_transaction_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    user = make_account(registration())
    send = (
        services.mail_new_account,
        services.send_reset_pw_mail,
        services.send_activation_by_admin_mail,
        lambda user: account.send_confirm_email_mail(user, "new@example.com"),
    )
    for each_sender in send:
        with transaction.atomic():
            each_sender(user)
            assert mail.outbox == []
            transaction.set_rollback(True)
        assert mail.outbox == []
        with transaction.atomic():
            each_sender(user)
        assert len(mail.outbox) == 1
        mail.outbox.clear()
    assert caplog.text == ""


def test_an_exception_after_its_commit_is_logged(
    use: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(user: Any, url: str) -> None:
        raise ConnectionError

    use(fail)
    user = make_account(registration())
    with translation.override("de"), transaction.atomic():
        services.send_reset_pw_mail(user)
    failed = f"The mail RESET_PASSWORD to user {user.pk}: failed after the commit"
    assert failed in caplog.text


@pytest.mark.django_db(transaction=False)
def test_in_a_testcase_of_a_project_the_mail_is_there_at_once() -> None:
    """Whose own transaction is never committed."""
    with transaction.atomic():
        post(APIClient(), "register", registration())
        services.send_reset_pw_mail(the_user())
    assert len(mail.outbox) == 2


def test_a_login_takes_the_lock_before_it_reads(
    make_user: MakeUser, django_assert_max_num_queries: Any
) -> None:
    """On SQLite, whose lock a reader cannot get any more."""
    make_user()
    client = APIClient()
    header = csrf(client)
    with django_assert_max_num_queries(20) as captured:
        post(client, "login", {"ident": "ada", "password": PASSWORD}, **header)
    statements = [query["sql"] for query in captured.captured_queries]
    begins = [n for n, text in enumerate(statements) if text.startswith("BEGIN")]
    assert begins
    if connection.vendor == "sqlite":
        firsts = [statements[number + 1].split()[0] for number in begins]
        assert set(firsts) <= {"UPDATE", "INSERT", "DELETE"}


def test_a_registration_that_is_kept_by_others_stays(
    use: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """The client still gets the answer, and may request the mail again."""

    def fail(user: Any, url: str) -> None:
        raise ConnectionError

    def protect(instance: Any, **kwargs: object) -> None:
        raise ProtectedError("a row of another app", {instance})

    use(fail)
    with connected(pre_delete, protect):
        answer = post(APIClient(), "register", registration())
    assert (answer.status_code, answer.json()) == (503, {"error": "mail_not_sent"})
    assert the_user().is_active is False
    assert "stays without its mail" in caplog.text


def test_a_worker_that_runs_out_of_time_takes_the_account_back(
    use: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """Gunicorn stops it while it sends the mail."""

    def time_out(user: Any, url: str) -> None:
        raise SystemExit(1)

    use(time_out)
    with pytest.raises(SystemExit):
        post(APIClient(), "register", registration())
    assert not get_user_model().objects.exists()
    assert "is taken back" in caplog.text


def test_an_account_that_was_undone_around_us_gets_no_mail(
    settings: Any,
) -> None:
    """By a transaction of the project's own around the request."""
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": True}
    settings.MIDDLEWARE = [f"{__name__}.undo", *settings.MIDDLEWARE]
    assert post(APIClient(), "register", registration()).status_code == 201
    assert mail.outbox == []


def undo(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Be a middleware that leaves nothing of what a request has written."""

    def middleware(request: Any) -> Any:
        response = get_response(request)
        get_user_model().objects.all().delete()
        return response

    return middleware


# No live link in an error report


@pytest.fixture
def error_reports(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Return a function that gives what Django mails to ADMINS about logged errors."""

    def collect() -> str:
        found = [record.exc_info for record in caplog.records if record.exc_info]
        assert found
        pages = []
        for kind, error, traceback in found:
            reporter = ExceptionReporter(None, kind, error, traceback)
            pages += [reporter.get_traceback_html(), reporter.get_traceback_text()]
        return "".join(pages)

    return collect


links: list[str] = []


def keep_and_fail(backend: Any, messages: Any) -> None:
    """Be a mail backend that keeps the links, for the test to look for, and fails."""
    for message in messages:
        links.extend(word for word in str(message.body).split() if "token=" in word)
    raise ConnectionRefusedError


@pytest.fixture
def dead_server(monkeypatch: pytest.MonkeyPatch) -> None:
    links.clear()
    backend = "django.core.mail.backends.locmem.EmailBackend.send_messages"
    monkeypatch.setattr(backend, keep_and_fail)


def assert_no_link_in(report: str) -> None:
    assert links
    for link in links:
        assert link.partition("token=")[2] not in report
    assert "ConnectionRefusedError" in report


@pytest.mark.usefixtures("dead_server")
@pytest.mark.parametrize(
    "ask", [register, register_taken, reset, resend, change_email, add_page]
)
@pytest.mark.parametrize("hides", [False, True])
def test_a_mail_that_fails_shows_no_link(
    make_user: MakeUser,
    settings: Any,
    error_reports: Callable[[], str],
    ask: Callable[..., Any],
    hides: bool,
) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": hides}
    ask(make_user)
    if ask is not register_taken or hides:
        assert_no_link_in(error_reports())


@pytest.mark.usefixtures("dead_server")
@pytest.mark.parametrize("action", ["send_password_reset_mail", "send_activation_mail"])
def test_nor_does_one_of_an_admin_action(
    make_user: MakeUser,
    error_reports: Callable[[], str],
    action: str,
) -> None:
    client = admin(make_user)
    user = make_account(registration())
    data = {"action": action, "_selected_action": [user.pk]}
    client.post(reverse("admin:auth_user_changelist"), data)
    assert_no_link_in(error_reports())


@pytest.mark.usefixtures("dead_server")
@pytest.mark.parametrize(
    "send",
    [
        services.send_reset_pw_mail,
        services.send_user_activation_mail,
        services.send_activation_by_admin_mail,
        services.send_account_exists_mail,
        services.resend_activation_mail,
        services.mail_new_account,
        lambda user: account.send_confirm_email_mail(user, "new@example.com"),
    ],
)
def test_nor_does_one_that_a_projects_own_code_asks_for(
    error_reports: Callable[[], str],
    send: Callable[[Any], None],
) -> None:
    """In a command, a task of a queue or a shell, where no view is around it."""
    user = make_account(registration())
    with pytest.raises(MailNotSent) as caught:
        send(user)
    reporter = ExceptionReporter(None, caught.type, caught.value, caught.tb)
    report = reporter.get_traceback_html()
    assert_no_link_in(error_reports() + report)


@pytest.mark.usefixtures("dead_server")
@pytest.mark.parametrize(
    "send",
    [
        services.default_send_reset_pw_mail,
        services.default_send_user_activation_mail,
        services.default_send_activation_by_admin_mail,
        services.default_send_account_exists_mail,
        account.default_send_confirm_email_mail,
    ],
)
def test_nor_does_a_default_sender(send: Callable[[Any, str], None]) -> None:
    user = make_account(registration())
    with pytest.raises(ConnectionRefusedError) as caught:
        send(user, services.get_password_reset_url(user))
    # The first frame is this test's, which has no variable that holds the link.
    reporter = ExceptionReporter(None, caught.type, caught.value, caught.tb)
    assert_no_link_in(reporter.get_traceback_html())


def test_nor_does_a_failure_after_the_answer_that_is_no_mails(
    make_user: MakeUser, error_reports: Callable[[], str]
) -> None:
    make_user()

    def crash(user: Any, **kwargs: object) -> None:
        secret = services.get_password_reset_url(user)
        links[:] = [secret]
        raise ConnectionRefusedError

    with connected(signals.user_post_forgot_password, crash):
        post(APIClient(), "send_pw_reset_email", {"email": "ada@example.com"})
    assert_no_link_in(error_reports())


# No password either


class History:
    """A validator that remembers passwords, as Django documents the hook."""

    told: list[str] = []

    def validate(self, password: str, user: Any = None) -> None:
        """Nothing to find wrong."""

    def password_changed(self, password: str, user: Any = None) -> None:
        self.told.append(password)


def change_password(make_user: MakeUser) -> Any:
    make_user()
    client = APIClient()
    log_in(client, "ada", PASSWORD)
    body = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
    return post(client, "change_password", body, **csrf(client))


sets_password = pytest.mark.parametrize("ask", [change_password, reset_by_link])


@sets_password
def test_no_raw_password_stays_on_the_user(
    make_user: MakeUser, use: Callable[..., None], ask: Callable[..., Any]
) -> None:
    seen: list[bytes] = []

    def keep(user: Any = None, instance: Any = None, **kwargs: object) -> None:
        seen.append(pickle.dumps((user or instance).__dict__.copy()))

    def pickled(user: Any, url: str) -> None:
        keep(user)

    use(pickled)
    make_user("root")
    with (
        connected(pre_save, keep_of_users(keep)),
        connected(post_save, keep_of_users(keep)),
        connected(account_signals.user_post_change_password, keep),
        connected(signals.user_post_reset_password, keep),
    ):
        assert ask(make_user).status_code == 200
    assert len(seen) >= 3
    for state in seen[2:]:
        assert OTHER_PASSWORD.encode() not in state


def keep_of_users(keep: Callable[..., None]) -> Callable[..., None]:
    def receiver(instance: Any, **kwargs: object) -> None:
        if isinstance(instance, get_user_model()):
            keep(instance)

    receivers.append(receiver)
    return receiver


# Django refers to receivers weakly.
receivers: list[Callable[..., None]] = []


@sets_password
def test_validators_are_told_once_although_a_receiver_saves_the_user(
    make_user: MakeUser, settings: Any, ask: Callable[..., Any]
) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": f"{__name__}.History"}]

    def save(user: Any, **kwargs: object) -> None:
        user.save()

    with (
        connected(account_signals.user_post_change_password, save),
        connected(signals.user_post_reset_password, save),
    ):
        History.told.clear()
        assert ask(make_user).status_code == 200
    assert History.told.count(OTHER_PASSWORD) == 1

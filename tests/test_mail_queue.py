"""With MAIL_TASK the mails go through a queue, in which lies no secret."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils.module_loading import import_string
from rest_framework.test import APIClient

from ai_kit_auth import mail_queue, services
from ai_kit_auth.account import services as account
from ai_kit_auth.accounts import email_of
from ai_kit_auth.checks.mails import check_mail_task
from ai_kit_auth.errors import MailNotSent
from ai_kit_auth.registration import register as make_account
from ai_kit_auth.user_model import user_model

from .account.page import configure
from .accounts import csrf, log_in, mailed_link, post, registration, the_user
from .conftest import OTHER_PASSWORD, PASSWORD, MakeUser
from .queues import TASKS, Queue, backend, use, with_tasks
from .test_capability import installed
from .test_checks import DEPLOYED, findings

pytestmark = [
    with_tasks,
    pytest.mark.django_db,
    # Of the second one, keys are no numbers.
    pytest.mark.user_model("auth_user", "uuid_key"),
    pytest.mark.urls("tests.urlconfs.account"),
]

ADA, NEW = "ada@example.com", "new@example.com"
SENT = "The mail {} to user {} is no longer due"


@pytest.fixture
def queue(settings: Any) -> Queue:
    use(settings, "Dummy", SECURITY_NOTICES={"PASSWORD_RESET": True})
    return Queue()


def recipients() -> list[str]:
    return [address for message in mail.outbox for address in message.to]


# Each mail


@dataclass
class Ada:
    """A browser in which she is logged in."""

    client: APIClient

    def post(self, route: str, body: Any) -> int:
        status: int = post(self.client, route, body, **csrf(self.client)).status_code
        return status


@pytest.fixture
def ada(make_user: MakeUser, client: APIClient) -> Ada:
    make_user()
    log_in(client, ADA)
    return Ada(client)


def admin(make_user: MakeUser) -> Client:
    client = Client()
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


def add_by_admin(make_user: MakeUser) -> Any:
    url = reverse(f"admin:{user_model_label()}_add")
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    data = {"username": "ada", "email": ADA, "usable_password": "true", **passwords}
    return admin(make_user).post(url, data, follow=True)


def user_model_label() -> str:
    return get_user_model()._meta.label_lower.replace(".", "_")


def only(queue: Queue, purpose: str) -> dict[str, Any]:
    """Return the one task, which is for ``purpose``; nothing was mailed."""
    [task] = queue.tasks()
    assert task["purpose"] == purpose
    assert mail.outbox == []
    return task


def test_a_registration(client: APIClient, queue: Queue) -> None:
    assert post(client, "register", registration()).status_code == 201
    task = only(queue, "USER_CREATED")
    pk = the_user().pk
    assert task == {
        "purpose": "USER_CREATED",
        "pk": pk if isinstance(pk, int) else str(pk),
        "language": "en",
        "using": "default",
        "state": "WAITING",
        "address": None,
    }
    queue.work()
    assert recipients() == [ADA]
    assert post(client, "activate", mailed_link()).status_code == 200


def test_a_registration_with_an_address_that_is_taken(
    client: APIClient, queue: Queue, make_user: MakeUser, settings: Any
) -> None:
    configure(settings, PREVENT_ENUMERATION=True)
    make_user("eve", **{user_model.email: ADA})
    assert post(client, "register", registration()).status_code == 201
    only(queue, "ACCOUNT_EXISTS")
    queue.work()
    assert recipients() == [ADA]
    assert post(client, "pw_reset", new_password()).status_code == 200


def test_one_that_hides_which_addresses_are_taken(
    client: APIClient, queue: Queue, settings: Any
) -> None:
    configure(settings, PREVENT_ENUMERATION=True)
    assert post(client, "register", registration()).status_code == 201
    only(queue, "USER_CREATED")
    queue.work()
    assert post(client, "activate", mailed_link()).status_code == 200


def new_password() -> dict[str, str]:
    return {**mailed_link(), "password": OTHER_PASSWORD}


def test_a_reset_and_its_notice(
    client: APIClient,
    queue: Queue,
    make_user: MakeUser,
    django_capture_on_commit_callbacks: Any,
) -> None:
    make_user()
    assert post(client, "send_pw_reset_email", {"email": ADA}).status_code == 200
    only(queue, "RESET_PASSWORD")
    queue.work()
    with django_capture_on_commit_callbacks(execute=True):
        assert post(client, "pw_reset", new_password()).status_code == 200
    [task] = queue.tasks()
    assert (task["purpose"], task["address"]) == ("PASSWORD_RESET", None)
    queue.work()
    assert recipients() == [ADA, ADA]


@pytest.mark.parametrize("password", [PASSWORD, None])
def test_a_repeated_activation_mail(
    client: APIClient, queue: Queue, password: str | None
) -> None:
    make_account(registration(password=password))
    body = {"email": ADA}
    assert post(client, "resend_activation_email", body).status_code == 200
    only(queue, "USER_CREATED" if password else "SET_PASSWORD")
    queue.work()
    route, data = ("activate", {}) if password else ("pw_reset", new_password())
    assert post(client, route, {**mailed_link(), **data}).status_code == 200


def test_a_changed_password(ada: Ada, queue: Queue) -> None:
    body = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert ada.post("change_password", body) == 200
    assert only(queue, "PASSWORD_CHANGED")["address"] is None
    queue.work()
    assert recipients() == [ADA]


def test_a_changed_address(ada: Ada, queue: Queue) -> None:
    """Its notices go to the old one, also when the worker comes late."""
    assert ada.post("change_email", {"email": NEW, "password": PASSWORD}) == 200
    named = {task["purpose"]: task["address"] for task in queue.tasks()}
    assert named == {"CONFIRM_EMAIL": NEW, "EMAIL_CHANGE_REQUESTED": ADA}
    late = queue.backend.results.pop()
    queue.work()
    assert recipients() == [NEW]
    assert ada.post("confirm_email", mailed_link()) == 200
    assert only_address(queue, "EMAIL_CHANGED") == ADA
    queue.backend.results.insert(0, late)
    queue.work()
    assert recipients() == [NEW, ADA, ADA]
    assert "new e-mail address" in mail.outbox[1].subject
    assert email_of(get_user_model()._default_manager.get()) == NEW


def only_address(queue: Queue, purpose: str) -> Any:
    [task] = queue.tasks()
    assert task["purpose"] == purpose
    return task["address"]


def test_a_deleted_account(ada: Ada, queue: Queue) -> None:
    """Its row is gone by then."""
    assert ada.post("delete_account", {"password": PASSWORD}) == 200
    assert only(queue, "ACCOUNT_DELETED")["address"] == ADA
    assert not get_user_model()._default_manager.exists()
    queue.work()
    assert recipients() == [ADA]
    assert not get_user_model()._default_manager.exists()


def test_an_account_of_the_admin(make_user: MakeUser, queue: Queue) -> None:
    page = add_by_admin(make_user)
    assert "was added successfully" in page.content.decode()
    only(queue, "SET_PASSWORD")
    queue.work()
    assert recipients() == [ADA]
    assert post(APIClient(), "activate", mailed_link()).status_code == 200


def test_an_action_of_the_admin(make_user: MakeUser, queue: Queue) -> None:
    make_user()
    page = act_on_ada(make_user)
    assert "mail was sent" in page.content.decode()
    only(queue, "RESET_PASSWORD")


def act_on_ada(make_user: MakeUser) -> Any:
    data = {
        "action": "send_password_reset_mail",
        "_selected_action": [the_user().pk],
    }
    url = reverse(f"admin:{user_model_label()}_changelist")
    return admin(make_user).post(url, data, follow=True)


def test_no_task_holds_a_link_or_what_makes_one(
    client: APIClient, ada: Ada, queue: Queue
) -> None:
    post(client, "register", registration("bob"))
    post(client, "send_pw_reset_email", {"email": ADA})
    ada.post("change_email", {"email": NEW, "password": PASSWORD})
    stored = json.dumps(queue.tasks())
    assert len(queue.tasks()) == 4
    for secret in ("http", "token", PASSWORD, the_user().password, "bob"):
        assert secret not in stored


def test_a_task_goes_to_a_queue_that_the_backend_has(
    client: APIClient, queue: Queue, settings: Any
) -> None:
    post(client, "register", registration())
    [result] = queue.backend.results
    assert (result.task.queue_name, result.task.backend) == ("low", "mails")
    settings.TASKS = {"mails": {**backend("Dummy"), "QUEUES": ["low", "default"]}}
    post(client, "register", registration("bob"))
    [result] = Queue().backend.results
    assert result.task.queue_name == "default"


def test_a_backend_that_works_at_once_has_sent_the_mail_by_then(
    client: APIClient, settings: Any
) -> None:
    use(settings, "Immediate")
    assert post(client, "register", registration()).status_code == 201
    assert post(client, "activate", mailed_link()).status_code == 200


def test_a_mail_is_in_the_language_of_its_request(
    client: APIClient, queue: Queue
) -> None:
    german = {"Accept-Language": "de"}
    post(client, "register", registration(), headers=german)
    assert only(queue, "USER_CREATED")["language"] == "de"
    queue.work()
    post(client, "register", registration("bob"))
    queue.work()
    first, second = mail.outbox
    assert first.subject != second.subject


def test_the_senders_of_the_project_send_it(
    client: APIClient, queue: Queue, settings: Any
) -> None:
    calls: list[tuple[Any, str]] = []

    def send(user: Any, url: str) -> None:
        calls.append((user.pk, url))

    configure(settings, SEND_USER_ACTIVATION_MAIL=send)
    post(client, "register", registration())
    assert calls == []
    queue.work()
    [(pk, url)] = calls
    assert pk == the_user().pk
    assert url.startswith("https://app.example.com/auth/activation?ident=")


def test_tasks_are_still_done_when_the_queue_is_switched_off(
    client: APIClient, queue: Queue, settings: Any
) -> None:
    post(client, "register", registration())
    settings.TASKS = {"default": backend("Dummy")}
    configure(settings, MAIL_TASK=None)
    settings.TASKS["default"]["QUEUES"] = ["low"]
    queue.work()
    assert recipients() == [ADA]


def test_the_module_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="send_mails"):
        mail_queue.send_mails  # noqa: B018  # the access is the test


# Accounts that do not exist


@pytest.mark.parametrize(
    ("route", "changes"),
    [
        ("send_pw_reset_email", {}),
        ("resend_activation_email", {}),
        ("register", {"PREVENT_ENUMERATION": True}),
    ],
)
def test_an_unknown_account_costs_a_task_as_a_known_one_does(
    client: APIClient,
    queue: Queue,
    make_user: MakeUser,
    settings: Any,
    route: str,
    changes: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    configure(settings, **changes)
    # It has the address, and may get no mail.
    deactivate(make_user())
    for address in (ADA, "nobody@example.com")[: 1 if changes else 2]:
        answer = post(client, route, {**registration("eve"), "email": address})
        assert answer.status_code in {200, 201}
        [task] = queue.tasks()
        assert task == {
            "purpose": "",
            "pk": None,
            "language": "en",
            "using": "default",
            "state": None,
            "address": None,
        }
        queue.work()
    assert mail.outbox == []
    assert caplog.text == ""


# What is no longer due


def activate(user: Any) -> None:
    user.is_active = True
    user.last_login = None
    user.save()


def deactivate(user: Any) -> None:
    user.is_active = False
    user.save()


def delete(user: Any) -> None:
    user.delete()


@pytest.mark.parametrize("happens", [activate, deactivate, delete])
def test_an_activation_mail_for_an_account_that_does_not_wait_is_dropped(
    client: APIClient,
    queue: Queue,
    happens: Callable[[Any], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    post(client, "register", registration())
    user = the_user()
    told = SENT.format("USER_CREATED", user.pk)
    if happens is deactivate:
        activate(user)
        user.refresh_from_db()
    happens(user)
    with caplog.at_level(logging.INFO, "ai_kit_auth"):
        queue.work()
    assert mail.outbox == []
    assert told in caplog.messages
    assert ADA not in caplog.text


@pytest.mark.parametrize("happens", [deactivate, delete])
def test_a_reset_mail_for_an_account_that_may_have_none_is_dropped(
    client: APIClient,
    queue: Queue,
    make_user: MakeUser,
    happens: Callable[[Any], None],
) -> None:
    user = make_user()
    post(client, "send_pw_reset_email", {"email": ADA})
    happens(user)
    queue.work()
    assert mail.outbox == []


def test_a_reset_mail_for_an_account_that_was_activated_since_is_sent(
    client: APIClient, queue: Queue
) -> None:
    activate_later = make_account(registration())
    post(client, "send_pw_reset_email", {"email": ADA})
    activate(activate_later)
    queue.work()
    assert post(client, "pw_reset", new_password()).status_code == 200


def test_a_project_may_mail_a_link_to_an_active_account(
    make_user: MakeUser, queue: Queue
) -> None:
    services.send_user_activation_mail(make_user())
    queue.work()
    assert recipients() == [ADA]


def test_a_task_that_runs_twice_does_no_harm(client: APIClient, queue: Queue) -> None:
    """Its worker was killed before the queue knew that it had sent the mail."""
    post(client, "register", registration())
    queue.work(again=True)
    queue.work(again=True)
    assert recipients() == [ADA, ADA]
    assert post(client, "activate", mailed_link(0)).status_code == 200
    queue.work()
    assert len(mail.outbox) == 2
    answer = post(client, "activate", mailed_link(1))
    assert answer.json() == {"error": "activation_link_invalid"}


def test_nor_does_the_confirmation_of_an_address(ada: Ada, queue: Queue) -> None:
    ada.post("change_email", {"email": NEW, "password": PASSWORD})
    queue.work(again=True)
    assert ada.post("confirm_email", mailed_link(0)) == 200
    mail.outbox.clear()
    queue.work()
    # The notices alone, of which the owner gets one twice.
    assert recipients() == [ADA, ADA]


# Failures


class Unreachable:
    """A backend whose server is down."""

    def __init__(self, alias: str, params: Any) -> None:
        self.task_class = import_string(f"{TASKS}.base.Task")

    def validate_task(self, task: Any) -> None:
        """Find nothing wrong."""

    # Nothing is wrong in TASKS either, which Django 6 asks and the backport does not.
    check: Any = staticmethod(list)

    def enqueue(self, *args: Any) -> None:
        raise ConnectionRefusedError("the broker")


@pytest.fixture
def no_queue(settings: Any) -> Iterator[None]:
    settings.TASKS = {"mails": {"BACKEND": f"{__name__}.Unreachable"}}
    configure(settings, MAIL_TASK="mails")
    yield
    assert mail.outbox == []


@pytest.mark.usefixtures("no_queue")
class TestAQueueThatCannotBeReached:
    def test_takes_a_registration_back(
        self, client: APIClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = post(client, "register", registration())
        assert (answer.status_code, answer.json()) == (503, {"error": "mail_not_sent"})
        assert not get_user_model()._default_manager.exists()
        assert "the broker" in caplog.text
        assert ADA not in caplog.text

    def test_takes_one_back_after_the_answer(
        self, client: APIClient, settings: Any
    ) -> None:
        configure(settings, PREVENT_ENUMERATION=True)
        assert post(client, "register", registration()).status_code == 201
        assert not get_user_model()._default_manager.exists()

    @pytest.mark.parametrize("address", [ADA, "nobody@example.com"])
    def test_shows_nothing_to_those_who_ask_for_a_reset(
        self,
        client: APIClient,
        make_user: MakeUser,
        address: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        make_user()
        answer = post(client, "send_pw_reset_email", {"email": address})
        assert (answer.status_code, answer.json()) == (200, {})
        assert "the broker" in caplog.text

    def test_changes_no_address(self, ada: Ada) -> None:
        body = {"email": NEW, "password": PASSWORD}
        assert ada.post("change_email", body) == 503
        assert email_of(the_user()) == ADA

    def test_undoes_no_new_password(
        self, ada: Ada, caplog: pytest.LogCaptureFixture
    ) -> None:
        body = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
        assert ada.post("change_password", body) == 200
        assert the_user().check_password(OTHER_PASSWORD)
        assert "The notice PASSWORD_CHANGED to user " in caplog.text

    def test_makes_no_account_in_the_admin(self, make_user: MakeUser) -> None:
        page = add_by_admin(make_user).content.decode()
        assert "The account was not created" in page
        assert "was added successfully" not in page
        assert get_user_model()._default_manager.count() == 1

    def test_is_told_to_an_admin(self, make_user: MakeUser) -> None:
        make_user()
        page = act_on_ada(make_user).content.decode()
        assert "the mail could not be sent" in page


def test_a_worker_fails_where_the_mail_server_does(
    client: APIClient,
    queue: Queue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """So its backend notes it, or tries again."""

    def fail(user: Any, url: str) -> None:
        raise ConnectionRefusedError(email_of(user))

    post(client, "register", registration())
    configure(settings, SEND_USER_ACTIVATION_MAIL=fail)
    with pytest.raises(MailNotSent) as caught:
        queue.work(again=True)
    assert caught.value.__context__ is None
    assert f"A mail to user {the_user().pk} was not handed over" in caplog.text
    assert ADA not in caplog.text
    configure(settings, SEND_USER_ACTIVATION_MAIL="tests.test_mail_queue.send_as_usual")
    queue.work()
    assert post(client, "activate", mailed_link()).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_it_does_so_where_the_backend_has_a_transaction_around_its_tasks(
    client: APIClient, queue: Queue, settings: Any
) -> None:
    def fail(user: Any, url: str) -> None:
        raise ConnectionRefusedError

    post(client, "register", registration())
    configure(settings, SEND_USER_ACTIVATION_MAIL=fail)
    with pytest.raises(MailNotSent), transaction.atomic():
        queue.work(again=True)
    configure(settings, SEND_USER_ACTIVATION_MAIL=send_as_usual)
    with transaction.atomic():
        queue.work()
        assert recipients() == [ADA]


def send_as_usual(user: Any, url: str) -> None:
    services.default_send_user_activation_mail(user, url)


def test_a_mail_that_no_worker_could_make_is_not_queued(
    make_user: MakeUser,
    queue: Queue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A capability was declared without what the queue needs."""
    user = make_user()

    def remind() -> None:
        services.hand_over(services.default_send_reset_pw_mail, user, "")

    with installed("Services"), pytest.raises(MailNotSent):
        services.send_or_queue("REMINDER", user, remind)
    assert "names no service, which MAIL_TASK needs" in caplog.text
    assert queue.tasks() == []
    configure(settings, MAIL_TASK=None)
    services.send_or_queue("REMINDER", user, remind)
    assert recipients() == [ADA]


def test_a_late_notice_finds_no_account_and_names_it_still(
    make_user: MakeUser, queue: Queue
) -> None:
    """An intruder changed the address and deleted the account."""
    user = make_user()
    account.send_security_notice(user, "EMAIL_CHANGED")
    user.delete()
    queue.work()
    assert recipients() == [ADA]


# Checks


def test_e019_a_backend_that_cannot_be_imported(settings: Any) -> None:
    """Asked alone: a check of Django's own raises what it finds."""
    settings.TASKS = {"mails": {"BACKEND": "shop.tasks.Backend"}}
    configure(settings, MAIL_TASK="mails")
    [problem] = check_mail_task()
    assert problem.id == "ai_kit_auth.E019"
    assert "No module named 'shop'" in problem.msg


def test_e019_no_django_tasks(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, TASKS, None)
        [problem] = check_mail_task()
    assert problem.id == "ai_kit_auth.E019"
    assert "needs django.tasks, which cannot be imported" in problem.msg
    assert "pip install 'django-ai-kit-auth[queue]'" in str(problem.hint)


def test_e019_no_backend_of_this_name(settings: Any) -> None:
    configure(settings, MAIL_TASK="mails")
    [problem] = findings()
    told = "AI_KIT_AUTH['MAIL_TASK'] is 'mails', and TASKS has no such backend: "
    assert problem.msg.startswith(told)
    typed = "TASKS = {'mails': {'BACKEND': 'django_tasks_db.DatabaseBackend'}}"
    assert typed in str(problem.hint)
    assert [found.id for found in findings(deploy=True, **DEPLOYED)] == [problem.id]


@pytest.mark.parametrize("name", ["Dummy", "Immediate"])
def test_w044_a_backend_without_workers_is_for_tests(settings: Any, name: str) -> None:
    use(settings, name)
    assert findings() == []
    [problem] = findings(deploy=True, **DEPLOYED)
    assert problem.id == "ai_kit_auth.W044"
    assert f"is 'mails', and its {name}Backend does " in problem.msg
    assert "'mails': {'BACKEND': 'django_tasks_db.DatabaseBackend'}" in str(
        problem.hint
    )
    settings.TASKS = {"mails": {"BACKEND": f"{__name__}.Unreachable"}}
    assert findings(deploy=True, **DEPLOYED) == []

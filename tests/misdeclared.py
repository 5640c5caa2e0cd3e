"""Apps whose capabilities are wrong, each in one way; Step and Instead are right."""

from __future__ import annotations

import logging
from typing import Any

from django.apps import AppConfig
from django.urls import path
from django.views import View
from rest_framework.exceptions import Throttled

from ai_kit_auth.capability import Capability, Event, LinkPurpose, Mail, Notice
from ai_kit_auth.settings import (
    Nested,
    ProjectSettings,
    Section,
    Setting,
    templates_of,
)


def capability(name: str, **declared: Any) -> Capability:
    return Capability(name=name, **declared)


class Endpoints(Section):
    MINE = Setting(False, "serve ``mine/``")


class WithEndpoint(ProjectSettings):
    ENABLE_ENDPOINTS = Nested(Endpoints)


class OtherEndpoints(Section):
    OTHERS = Setting(True, "serve ``others/``")


class WithOtherEndpoint(ProjectSettings):
    ENABLE_ENDPOINTS = Nested(OtherEndpoints)


class OwnLogin(Section):
    LOGIN = Setting(True, "serve ``login/``")


class SettingTwice(ProjectSettings):
    ENABLE_ENDPOINTS = Nested(OwnLogin)


class SectionForASetting(ProjectSettings):
    FRONTEND = Setting("", "where the frontend lives")


class Reminders(Section):
    REMINDER = templates_of("reminder", "a mail that no worker can make")


class WithReminder(ProjectSettings):
    EMAIL_TEMPLATES = Nested(Reminders)


SETTING = capability("setting", settings=SettingTwice)
SECTION = capability("section", settings=SectionForASetting)
CODE = capability("code", codes={"csrf_failed": "the token is wrong"})
PARAM = capability("param", codes={"full": "no"}, params={"full": {"seats": list}})
EVENT = capability("event", events={"login_failed": Event("no", logging.ERROR)})
MAIL = capability("mail", mails={"REMINDER": Mail("SEND_REMINDER", "REMINDER_ROUTE")})
NO_SERVICE = capability(
    "service", settings=WithReminder, mails={"REMINDER": Mail("SEND_RESET_PW_MAIL")}
)
NOTICE = capability("notice", notices={"LEFT": Notice("ACCOUNT_LEFT", "LEAVE")})
SENDS = capability("sends", sends={"LEAVE": ("USER_CREATED",)})
PURPOSE = capability(
    "purpose",
    link_purposes={"activation": LinkPurpose("LOGIN", "tests.no_such.status", "x")},
)
NO_ENDPOINT = capability(
    "endpoint",
    link_purposes={"vote": LinkPurpose("VOTE", "tests.no_such.status", "x")},
)
NO_STATUS = capability(
    "status",
    link_purposes={"vote": LinkPurpose("LOGIN", "tests.no_such.status", "x")},
)
UNKNOWN_KEY = capability("key", routes="tests.misdeclared.UNKNOWN")
NO_ROUTES = capability("routes", routes="tests.misdeclared.NO_SUCH")
NO_OPERATIONS = capability("operations", operations="tests.no_such.OPERATIONS")
NO_CHECKS = capability("checks", checks=("tests.misdeclared.NO_SUCH",))
MINE = capability("mine", settings=WithEndpoint, routes="tests.misdeclared.MINE_AT")
SAME_PATH = capability(
    "path", settings=WithOtherEndpoint, routes="tests.misdeclared.ALSO_AT"
)
SAME_NAME = capability(
    "name", settings=WithOtherEndpoint, routes="tests.misdeclared.ALSO_NAMED"
)
STEP = capability("step", login_step="tests.misdeclared.refuse_to_remember")
CONFIRMS = capability("confirms", routes="tests.misdeclared.INSTEAD")
TEXT = "ai_kit_auth.core.CORE"


def refuse_to_remember(view: Any, user: Any, remember: bool | None) -> None:
    """Refuse a user who wants to be remembered."""
    if remember:
        raise Throttled(wait=7)


MINE_AT = {"MINE": path("mine/", View.as_view(), name="mine")}
# Right as well: it takes the place of the account page's.
INSTEAD = {
    "CONFIRM_PASSWORD": path(
        "confirm_password/", View.as_view(), name="confirm_password"
    )
}
ALSO_AT = {"OTHERS": path("mine/", View.as_view(), name="others")}
ALSO_NAMED = {"OTHERS": [path("others/", View.as_view(), name="mine")]}
UNKNOWN = {"NO_SUCH": path("no/such/", View.as_view(), name="no_such")}


class _App(AppConfig):
    name = "tests.misdeclared"
    label = "misdeclared"


def _app(*paths: str) -> Any:
    return type("App", (_App,), {"ai_kit_auth_capabilities": paths})


NotImportable = _app("shop.capability.WISHLIST")
NoCapability = _app("tests.misdeclared.path")
Sections = _app("tests.misdeclared.SECTION")
Settings = _app("tests.misdeclared.SETTING")
Codes = _app("tests.misdeclared.CODE")
Params = _app("tests.misdeclared.PARAM")
Events = _app("tests.misdeclared.EVENT")
Mails = _app("tests.misdeclared.MAIL")
Services = _app("tests.misdeclared.NO_SERVICE")
Notices = _app("tests.misdeclared.NOTICE")
Sends = _app("tests.misdeclared.SENDS")
Purposes = _app("tests.misdeclared.PURPOSE")
LinkEndpoints = _app("tests.misdeclared.NO_ENDPOINT")
Statuses = _app("tests.misdeclared.NO_STATUS")
Keys = _app("tests.misdeclared.UNKNOWN_KEY")
Routes = _app("tests.misdeclared.NO_ROUTES")
Operations = _app("tests.misdeclared.NO_OPERATIONS")
Checks = _app("tests.misdeclared.NO_CHECKS")
Paths = _app("tests.misdeclared.MINE", "tests.misdeclared.SAME_PATH")
Names = _app("tests.misdeclared.MINE", "tests.misdeclared.SAME_NAME")
Step = _app("tests.misdeclared.STEP")
Instead = _app("tests.misdeclared.CONFIRMS")


class Text(_App):
    ai_kit_auth_capabilities = TEXT

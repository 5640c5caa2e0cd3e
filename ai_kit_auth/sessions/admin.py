"""
The sessions of a user on the page of the user admin, to read.

``AIUserAdmin`` has them. A user admin of the project's own lists the class in its
``inlines``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .devices import device_of
from .models import SessionRecord

if TYPE_CHECKING:
    _TabularInline = admin.TabularInline[SessionRecord, Any]
else:
    _TabularInline = admin.TabularInline


class SessionInline(_TabularInline):
    """
    The records of a user's sessions, the one seen last first.

    Staff who may view the model see it. Nobody changes it here: the action *End all
    sessions* of the list of users ends them.
    """

    model = SessionRecord
    verbose_name_plural = _("Sessions")
    fields = readonly_fields = (
        "began",
        "seen",
        "end",
        "ip_address",
        "device",
        "name",
        "proof",
    )
    ordering = ("-last_seen", "-created")
    extra = 0
    can_delete = False

    @admin.display(description=_("began"))
    def began(self, record: SessionRecord) -> Any:
        return record.created

    @admin.display(description=_("last seen"))
    def seen(self, record: SessionRecord) -> Any:
        return record.last_seen

    @admin.display(description=_("ended"))
    def end(self, record: SessionRecord) -> Any:
        return record.ended

    @admin.display(description=_("browser"))
    def device(self, record: SessionRecord) -> str:
        found = device_of(record.user_agent)
        return ", ".join(filter(None, (found["browser"], found["system"])))

    @admin.display(description=_("proven by"))
    def proof(self, record: SessionRecord) -> str:
        return record.factor

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

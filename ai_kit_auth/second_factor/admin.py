"""
The action of the user admin that helps a user who has lost every second factor.

``AIUserAdmin`` has it. A user admin of the project's own lists it in its ``actions``.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .services import remove_all_factors


@admin.action(description=_("Remove second factors"), permissions=["change"])
def remove_second_factors(
    modeladmin: admin.ModelAdmin[Any], request: HttpRequest, queryset: Any
) -> None:
    """
    Remove all second factors and recovery codes of each selected account.

    Each gets a mail, and the history of the account and the security log tell of it.
    """
    done = 0
    for user in queryset:
        if remove_all_factors(request, user):
            done += 1
            # In English, as Django writes its own: the history has no language.
            modeladmin.log_change(request, user, "Remove second factors")
        else:
            reason = gettext("has no second factor")
            modeladmin.message_user(request, f"“{user}”: {reason}", messages.ERROR)
    text = gettext("Accounts without second factors now: %(count)d") % {"count": done}
    level = messages.SUCCESS if done else messages.WARNING
    modeladmin.message_user(request, text, level)

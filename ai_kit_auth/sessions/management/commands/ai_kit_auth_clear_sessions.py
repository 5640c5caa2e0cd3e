"""``manage.py ai_kit_auth_clear_sessions``: deletes old records of sessions."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ...services import clear


class Command(BaseCommand):
    """
    Run it once a day. A login clears as well, one of 1,000.

    Records whose session has expired, by Django's ``SESSION_COOKIE_AGE`` since it was
    last seen, count as ended from then on.
    """

    help = "Delete the records of sessions that ended SESSION_RECORD_AGE seconds ago."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Records deleted: {clear()}.")

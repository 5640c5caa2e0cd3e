"""The table: one row for each session of a user, without the key of the session."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

USER_AGENT_LENGTH = 256
NAME_LENGTH = 64
FACTOR_LENGTH = 20


class SessionRecord(models.Model):
    """
    A session: when and how it began, what was last seen of it, and when it ended.

    SECURITY: no row leads to a session. ``sid`` is a random value that the session
    holds; whoever reads this table cannot log in by it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Not by a name of the user model's, which is the project's.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        # The index below begins with it.
        db_index=False,
    )
    sid = models.CharField(max_length=32, unique=True, editable=False)
    created = models.DateTimeField()
    last_seen = models.DateTimeField()
    # An address, or the network that it was cut to; "" where none is known.
    ip_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=USER_AGENT_LENGTH, blank=True)
    name = models.CharField(max_length=NAME_LENGTH, blank=True)
    factor = models.CharField(max_length=FACTOR_LENGTH)
    ended = models.DateTimeField(null=True)

    class Meta:
        app_label = "ai_kit_auth_sessions"
        verbose_name = "session"
        indexes = (
            models.Index(fields=("user", "ended"), name="ai_kit_auth_sessions_user"),
        )

    def __str__(self) -> str:
        return str(self.id)

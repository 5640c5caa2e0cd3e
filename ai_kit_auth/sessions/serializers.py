"""What the list of sessions takes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ..serializers import MAX_LENGTH, Discreet, TextField
from .models import NAME_LENGTH
from .new_devices import find_by_not_me_link


class SessionNameSerializer(Discreet, serializers.Serializer[Any]):
    """``name``, what the user calls the session; "" for no name."""

    name = TextField(max_length=NAME_LENGTH, allow_blank=True)


class NotMeSerializer(Discreet, serializers.Serializer[Any]):
    """``ident`` and ``token`` of a link; gives ``user``."""

    ident = TextField(max_length=MAX_LENGTH)
    token = TextField(max_length=MAX_LENGTH)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {**attrs, "user": find_by_not_me_link(attrs["ident"], attrs["token"])}

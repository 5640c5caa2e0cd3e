"""What this project shows of a user."""

from __future__ import annotations

from rest_framework import serializers

from .models import Person


class PersonSerializer(serializers.ModelSerializer[Person]):
    class Meta:
        model = Person
        fields = ("id", "email")

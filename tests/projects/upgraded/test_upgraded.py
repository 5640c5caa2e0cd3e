"""It starts, and a person goes the whole way."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from tests.accounts import post, registration


def test_no_check_stops_it() -> None:
    call_command("check", fail_level="ERROR")


@pytest.mark.django_db
def test_somebody_registers() -> None:
    assert post(APIClient(), "register", registration()).status_code == 201

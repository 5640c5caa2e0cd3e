"""The doctor finds nothing wrong with a project that has the list of sessions."""

from __future__ import annotations

import pytest
from django.test import override_settings

from tests.examinations import HEALTHY, examine

pytestmark = [pytest.mark.django_db, pytest.mark.database("sqlite")]

CROSS = ("--origin", "https://app.example.com", "--api", "https://api.example.com")


def test_its_routes_are_asked() -> None:
    with override_settings(**HEALTHY):
        report = examine(*CROSS)
    assert report.findings == []
    for name in (
        "preflight sessions/",
        "preflight DELETE sessions/",
        "preflight DELETE sessions/<str:id>/",
        "preflight sessions/not_me/",
    ):
        assert report.step(name)["state"] == "ok"

"""The doctor, or a check that it runs, names exactly the setting that is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django.urls import clear_url_caches

from .examinations import HEALTHY, examine
from .misconfigurations import CASES, Misconfiguration

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_routes() -> Iterator[None]:
    """Forget the routes of a ROOT_URLCONF that a case had."""
    yield
    clear_url_caches()


def _seeded(case: Misconfiguration) -> Any:
    marks = pytest.mark.user_model(*case.user_models) if case.user_models else ()
    return pytest.param(case, id=case.name, marks=marks)


SEEDED = [_seeded(case) for case in CASES]


@pytest.mark.parametrize("case", SEEDED)
def test_the_setting_at_fault_is_named_where_it_hurts(case: Misconfiguration) -> None:
    overlay = {**HEALTHY, **case.overlay(settings.MIDDLEWARE, case.origin)}
    with override_settings(**overlay):
        report = examine("--origin", case.origin, "--api", case.api)
    warned = ".W" in case.check
    assert report.code == (0 if warned and not case.step else 1)
    if case.check:
        mark = f"check {case.check}"
        found = [s for s in report.findings if s["name"].startswith(mark)]
        assert {step["state"] for step in found} == {"warning" if warned else "failed"}
        assert any(case.names in step["cause"] + step["setting"] for step in found)
    failed = [step for step in report.walked if step["state"] == "failed"]
    assert [step["name"] for step in failed[:1]] == ([case.step] if case.step else [])
    for step in failed[:1]:
        assert case.names in step["cause"] + step["setting"]
        assert case.console in step["console"]


@pytest.mark.parametrize("case", SEEDED)
def test_a_case_can_be_handed_to_another_process(case: Misconfiguration) -> None:
    overlay = case.overlay(settings.MIDDLEWARE, case.origin)
    assert json.loads(json.dumps(overlay)) == overlay


def test_there_are_as_many_as_promised() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 28

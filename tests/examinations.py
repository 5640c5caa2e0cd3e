"""Run the doctor and read its report."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from django.core.management import call_command

from ai_kit_auth.checks.mails import has_mailers

SMTP = "django.core.mail.backends.smtp.EmailBackend"
# As in development, where a cache of the process and mails that stay are fine.
HEALTHY = {"ALLOWED_HOSTS": ["api.example.com"], "DEBUG": True}


@dataclass(frozen=True)
class Report:
    """What the doctor printed with ``--json``, and its exit code."""

    code: int
    data: dict[str, Any]

    @property
    def walks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.data["walks"]
        return found

    @property
    def walked(self) -> list[dict[str, str]]:
        """Return the steps of all walks."""
        return [step for walk in self.walks for step in walk["steps"]]

    @property
    def steps(self) -> list[dict[str, str]]:
        return [*self.data["checks"], *self.walked, *self.data["mails"]]

    @property
    def failed(self) -> list[dict[str, str]]:
        return [step for step in self.steps if step["state"] == "failed"]

    @property
    def findings(self) -> list[dict[str, str]]:
        """Return what is not as it should be: what failed, and the warnings."""
        return [step for step in self.steps if step["state"] in {"failed", "warning"}]

    def step(self, name: str) -> dict[str, str]:
        [found] = [step for step in self.steps if step["name"] == name]
        return found


def examine(*options: str) -> Report:
    """Run the doctor with ``options`` and return its report."""
    code, text = run("--json", *options)
    data = json.loads(text)
    assert data["ok"] is (code == 0)
    return Report(code, data)


def run(*options: str) -> tuple[int, str]:
    """Return the doctor's exit code and what it printed."""
    printed, code = io.StringIO(), 0
    try:
        call_command("ai_kit_auth_doctor", *options, stdout=printed)
    except SystemExit as end:
        code = int(str(end.code))
    return code, printed.getvalue()


def transport(backend: str, **options: Any) -> dict[str, Any]:
    """Return the settings of a mail transport, as each Django has them."""
    old = {f"EMAIL_{name}".upper(): value for name, value in options.items()}
    return (
        {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
        if has_mailers()
        else {"EMAIL_BACKEND": backend, **old}
    )

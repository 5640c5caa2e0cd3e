"""``manage.py ai_kit_auth_upgrade``: what to decide once after version 2.0.0."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand

from ...accounts import AccountState, all_rows, email_of, in_state
from ...checks.upgrade import has_outer_spaces, undecided_route
from ...registration import is_anybodys
from ...user_model import User, user_model
from ...users import waiting_mark

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Find rows of version 2.0.0 in the user table: accounts that may wait for "
        "their activation and cannot get a mail, and e-mail addresses with spaces "
        "around them. Ask before changing them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_mutually_exclusive_group()
        group.add_argument(
            "--yes",
            action="store_const",
            const=True,
            dest="answer",
            help="Change all of them without a question.",
        )
        group.add_argument(
            "--no-input",
            "--noinput",
            action="store_const",
            const=False,
            dest="answer",
            help="Count them and change nothing.",
        )

    def handle(self, *, answer: bool | None = None, **options: Any) -> None:
        self._answer = answer
        found = [self._accounts_without_a_way_in(), self._addresses()]
        if not any(found):
            self.stdout.write("Nothing of 2.0.0 is left to decide in the user table.")
            return
        for problem in undecided_route("its user table has rows of that version"):
            self.stdout.write(f"{problem.msg}\n{problem.hint}")

    def _accounts_without_a_way_in(self) -> bool:
        # SECURITY: a row does not tell whether an admin deactivated the account, and
        # with a mark a reset activates it. So a person sees the accounts and decides.
        accounts = all_rows().filter(in_state(AccountState.UNKNOWN))
        if not user_model.can_wait or not accounts.exists():
            return False
        self._ask(
            list(accounts),
            "inactive and has never logged in",
            "2.0.0 did not store whether such an account waits for its activation or "
            "an admin deactivated it. If you mark an account as waiting, its owner can "
            "ask for the activation mail or a password reset, and both activate it. To "
            "keep an account inactive, give it any other date in last_login. Mark them "
            "as waiting?",
            lambda user: (
                all_rows()
                .filter(in_state(AccountState.UNKNOWN), pk=user.pk)
                .update(last_login=waiting_mark())
            ),
        )
        return True

    def _addresses(self) -> bool:
        name = user_model.email
        accounts = list(all_rows().filter(has_outer_spaces()))
        free = []
        for user in accounts:
            others = all_rows().exclude(pk=user.pk)
            if others.filter(is_anybodys(email_of(user).strip())).exists():
                self.stdout.write(
                    f"{user.pk}: {email_of(user)!r} has spaces around it, and another "
                    "account has the address without them. Merge the two."
                )
            else:
                free.append(user)
        if free:
            self._ask(
                free,
                "stored with spaces around its e-mail address",
                "The owner cannot log in by it, and it can be registered again. Remove "
                "the spaces?",
                lambda user: (
                    all_rows()
                    .filter(pk=user.pk, **{name: email_of(user)})
                    .update(**{name: email_of(user).strip()})
                ),
            )
        return bool(accounts)

    def _ask(
        self,
        accounts: list[User],
        what: str,
        question: str,
        change: Callable[[User], int],
    ) -> None:
        """Show ``accounts``, and change them if the answer to ``question`` is yes."""
        for user in accounts[:SHOWN]:
            self.stdout.write(f"  {user.pk}: {user} {email_of(user)!r}")
        if len(accounts) > SHOWN:
            self.stdout.write(f"  and {len(accounts) - SHOWN} more")
        self.stdout.write(f"Accounts: {len(accounts)}. Each is {what}.")
        answer = self._answer
        if answer is None:
            self.stdout.write(question)
            try:
                answer = input("[y/N] ").strip().lower() in {"y", "yes"}
            except EOFError:
                # Nothing can answer, as in a container or in CI.
                answer = False
        changed = sum(map(change, accounts)) if answer else 0
        self.stdout.write(f"Changed: {changed}.")

"""How the log reports a failure without the e-mail addresses in it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

logger = logging.getLogger("ai_kit_auth")


def log_failure(error: BaseException, message: str, *args: object) -> bool:
    """
    Log ``message`` with ``error`` at level ERROR; tell whether with its traceback.

    SECURITY: mail servers repeat the recipient in their refusals, and the traceback
    prints it (OWASP Logging Cheat Sheet, *Data to exclude*). Where the error, or one
    that it was raised from, is SMTP's or has an ``@`` in its text, the log gets the
    types, the codes of SMTP and the lines of code that raised them.
    """
    chain = list(_chain(error))
    with_traceback = not any(
        isinstance(link, SMTPException) or "@" in str(link) for link in chain
    )
    if with_traceback:
        logger.error(message, *args, exc_info=error)
    else:
        causes = " from ".join(map(_described, chain))
        logger.error(f"{message}: %s", *args, causes)
    return with_traceback


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _described(error: BaseException) -> str:
    codes: list[int] = []
    if isinstance(error, SMTPResponseException):
        codes = [error.smtp_code]
    elif isinstance(error, SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
    words = [type(error).__name__, *map(str, codes)]
    words += [
        f"({frame.filename}:{frame.lineno})"
        for frame in traceback.extract_tb(error.__traceback__)[-1:]
    ]
    return " ".join(words)

"""
Print what one login costs by its password hasher, and the cores for 1,000 a second.

``python scripts/hashers.py`` hashes with each of Django's hashers whose library is
installed; ``tox run -e hashers`` installs them all. The time is that of the processor,
of all threads together, and not that of the clock: the median of five hashes.
"""

from __future__ import annotations

import platform
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

import django
from django.conf import settings
from django.contrib.auth import hashers

PASSWORD = "tall ferns in the rain"  # noqa: S105  # guards nothing
TIMES = 5
LOGINS = 1000
# The default of each version, which its settings cannot be asked for in another one.
ITERATIONS = {"5.2": 1_000_000, "6.0": 1_200_000, "6.1": 1_500_000}


def kinds() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the name of each hasher with a function that makes one hash."""
    pbkdf2 = hashers.PBKDF2PasswordHasher()
    for version, iterations in ITERATIONS.items():
        yield (
            f"PBKDF2, default of Django {version} ({iterations:,} iterations)",
            lambda iterations=iterations: pbkdf2.encode(  # type: ignore[misc]  # bound here
                PASSWORD, pbkdf2.salt(), iterations
            ),
        )
    scrypt = hashers.ScryptPasswordHasher()
    yield (
        f"scrypt (N={scrypt.work_factor}, p={scrypt.parallelism}, 16 MiB)",
        lambda: scrypt.encode(PASSWORD, scrypt.salt()),
    )
    argon2 = hashers.Argon2PasswordHasher()
    size = argon2.memory_cost // 1024
    yield (
        f"Argon2id (t={argon2.time_cost}, p={argon2.parallelism}, {size} MiB)",
        lambda: argon2.encode(PASSWORD, argon2.salt()),
    )
    small = hashers.Argon2PasswordHasher()
    # OWASP's lowest, Password Storage Cheat Sheet.
    small.time_cost, small.memory_cost, small.parallelism = 2, 19 * 1024, 1
    yield "Argon2id (t=2, p=1, 19 MiB)", lambda: small.encode(PASSWORD, small.salt())
    bcrypt = hashers.BCryptSHA256PasswordHasher()
    yield (
        f"bcrypt with SHA-256 ({bcrypt.rounds} rounds)",
        lambda: bcrypt.encode(PASSWORD, bcrypt.salt()),
    )


def cost(make: Callable[[], object]) -> float:
    """Return the seconds of the processor for one hash."""
    make()
    found = []
    for _ in range(TIMES):
        start = time.process_time()
        make()
        found.append(time.process_time() - start)
    return median(found)


def main() -> None:
    settings.configure()
    if django.VERSION[:2] == (6, 1):
        default = hashers.PBKDF2PasswordHasher.iterations
        assert ITERATIONS["6.1"] == default, default  # noqa: S101  # a table must be right
    print(
        f"Python {platform.python_version()}, Django {django.get_version()}, "
        f"{ssl.OPENSSL_VERSION}, {platform.machine()}"
    )
    print(f"{'hasher':<55} {'CPU of a login':>14}  {'cores for 1,000/s':>17}")
    for name, make in kinds():
        try:
            seconds = cost(make)
        except ValueError as error:
            # Django cannot import the library.
            print(f"{name:<55} {error}", file=sys.stderr)
            continue
        print(f"{name:<55} {1000 * seconds:>11.0f} ms  {LOGINS * seconds:>17.0f}")


if __name__ == "__main__":
    main()

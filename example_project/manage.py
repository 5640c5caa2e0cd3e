#!/usr/bin/env python
"""Django's command line for the example's backend (development settings)."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Run the management command named by ``sys.argv``.

    ``DJANGO_SETTINGS_MODULE`` decides the settings, ``host.settings`` by default.
    """
    # Last on the path: an installed ai_kit_auth wins over the checkout.
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "host.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

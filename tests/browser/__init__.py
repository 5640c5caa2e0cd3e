from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "tests.browser.example",
    "tests.browser.post_office",
    "tests.browser.visit",
    "tests.browser.walk",
)

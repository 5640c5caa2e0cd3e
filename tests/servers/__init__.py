from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "tests.servers.client", "tests.servers.hosts", "tests.servers.post_office"
)

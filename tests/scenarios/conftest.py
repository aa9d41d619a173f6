"""Shops for scenarios, on SQLite and on PostgreSQL, closed when the test ends."""

from collections.abc import Iterator

import pytest
from support.sandbox import Sandbox
from support.shop import OpenShop, opening


@pytest.fixture
def opened(database_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    """Open a shop with the arguments of `support.shop.open_shop`."""
    with opening(database_url, sandbox) as open_one:
        yield open_one

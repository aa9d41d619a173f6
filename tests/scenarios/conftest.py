"""Shops for scenarios, on SQLite and on PostgreSQL, closed when the test ends."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.shop import OpenShop, Shop, open_shop


@pytest.fixture
def opened(database_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    """Open a shop with the arguments of `support.shop.open_shop`."""
    shops: list[Shop] = []

    def _open(**arguments: Any) -> Shop:
        shops.append(open_shop(database_url=database_url, amazon=sandbox, **arguments))
        return shops[-1]

    yield _open
    for shop in shops:
        shop.database.dispose()

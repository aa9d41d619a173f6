"""Fixtures of the tests about notifications: an Amazon Pay with one endpoint that listens.

Their functions have names of their own, so that a test module may import them and still name its
parameters after the fixtures.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from ipn_receiver import Checker, Receiver, receiving
from wire_client import WireClient


@pytest.fixture(scope="module", name="listener")
def listener_fixture() -> Iterator[Receiver]:
    """The receiver of a module's tests."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(name="receiver")
def receiver_fixture(amazon: WireClient, listener: Receiver) -> Iterator[Receiver]:
    """A receiver that is the only endpoint of the local Amazon Pay, and has heard nothing yet."""
    amazon.control("DELETE", "/ipn/endpoints")
    amazon.control("POST", "/ipn/endpoints", {"url": listener.url + "/ipn"})
    listener.forget()
    yield listener
    # The next module's tests share this Amazon Pay and expect it without endpoints.
    amazon.control("DELETE", "/ipn/endpoints")


@pytest.fixture(name="checker")
def checker_fixture(amazon: WireClient) -> Checker:
    return Checker(amazon.base_url)


def flush(amazon: WireClient) -> int:
    """Waits until nothing is due; how many deliveries wait for a later time."""
    answer = amazon.control("POST", "/ipn/flush")
    assert answer["flushed"]
    return int(answer["waiting"])


def deliveries(amazon: WireClient, **query: Any) -> list[dict[str, Any]]:
    """Every delivery of every message, oldest message first."""
    found, after = [], "0"
    while after is not None:
        page = amazon.control("GET", f"/ipn/messages?limit=1000&after={after}")
        found += [
            row | {"objectId": m["objectId"]} for m in page["items"] for row in m["deliveries"]
        ]
        after = page["next"]
    return found

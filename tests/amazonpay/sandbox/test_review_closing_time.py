"""A settlement closes at its own instant, however soon after the money that woke the calendar."""

from typing import Any

import pytest
from wire_client import WireClient

pytestmark = pytest.mark.slow

# The account is 16 days old, the age of the first close, at 2026-04-01T01:00:00Z.
OPENED = "2026-03-16T01:00:00.000Z"
FIRST_CLOSE = "2026-04-01T01:00:00.000Z"
HOUR = 3_600


def closes(amazon: WireClient) -> list[tuple[str, int, int]]:
    found: list[dict[str, Any]] = amazon.control("GET", "/settlements")["items"]
    return [(row["endTime"], row["transactions"], row["movementAmount"]) for row in found]


def test_the_first_money_may_come_an_hour_before_the_first_close(amazon: WireClient) -> None:
    amazon.control("PATCH", "/settlement-options", {"accountOpenedAt": OPENED})
    permission = amazon.permission()
    amazon.charge(permission, 10_000)  # at 00:00Z; its fee is 390
    amazon.advance(2 * HOUR)
    assert closes(amazon) == [(FIRST_CLOSE, 1, 9_610)]
    amazon.charge(permission, 20_000)
    amazon.advance(24 * HOUR)
    assert closes(amazon) == [(FIRST_CLOSE, 1, 9_610)], "02:00Z belongs to the next one"


def test_money_that_wakes_a_resting_account_is_not_settled_late(amazon: WireClient) -> None:
    amazon.control("PATCH", "/settlement-options", {"accountOpenedAt": OPENED})
    first = amazon.permission()
    amazon.charge(first, 10_000)
    # 1 close with money, then 27 idle ones, then rest: the grid goes on every 14 days all the same.
    amazon.advance((28 + 2) * 14 * 24 * HOUR)
    before = closes(amazon)
    assert len(before) == 28
    amazon.advance(13 * 24 * HOUR + 23 * HOUR)
    # Two hours, then one hour before the next instant of the grid; then two hours after it.
    amazon.charge(amazon.permission(), 20_000)
    amazon.advance(HOUR)
    amazon.charge(amazon.permission(), 1_000)
    amazon.advance(3 * HOUR)
    amazon.charge(amazon.permission(), 7_000)
    amazon.advance(48 * HOUR)
    # 20,000 − 780 and 1,000 − 39; the 7,000 came after the close.
    assert [row[1:] for row in closes(amazon)[len(before) :]] == [(2, 20_181)]

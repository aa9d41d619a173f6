"""Token buckets: burst, restore rate, one bucket per operation (errors-and-throttling.md §5)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from wire_client import WireClient

from amazonpay.sandbox.refusals import Refused
from amazonpay.sandbox.throttle import Throttle


def taken(throttle: Throttle, operation: str, times: int, now: int) -> int:
    """How many of so many calls at one instant are let through."""
    passed = 0
    for _ in range(times):
        try:
            throttle.take(operation, now)
        except Refused:
            continue
        passed += 1
    return passed


@pytest.mark.parametrize(
    ("table", "operation", "burst", "per_second"),
    [
        ("live", "CreateCharge", 10, 4),
        ("live", "GetCharge", 20, 4),
        ("live", "UpdateChargePermission", 10, 2),
        ("sandbox", "CreateCharge", 2, 1),
        ("sandbox", "GetChargePermission", 10, 1),
        ("sandbox", "GetRefund", 5, 1),
    ],
)
def test_burst_then_a_steady_rate(table: Any, operation: str, burst: int, per_second: int) -> None:
    throttle = Throttle(table)
    assert taken(throttle, operation, 50, 0) == burst
    # One token comes back after 1000 / rate milliseconds, not a millisecond sooner.
    step = 1000 // per_second
    assert taken(throttle, operation, 50, step - 1) == 0
    assert taken(throttle, operation, 50, step) == 1
    assert taken(throttle, operation, 50, step + 1000) == per_second
    assert taken(throttle, operation, 50, step + 10**9) == burst


def test_each_operation_has_its_own_bucket() -> None:
    throttle = Throttle("sandbox")
    assert taken(throttle, "CreateCharge", 5, 0) == 2
    assert taken(throttle, "CreateRefund", 5, 0) == 2


def test_off_lets_everything_through() -> None:
    assert taken(Throttle("off"), "CreateCharge", 1000, 0) == 1000


@pytest.mark.slow
def test_a_throttled_call_has_no_effect_and_virtual_time_restores(
    launch: Callable[..., tuple[object, dict[str, Any]]], tmp_path: Path
) -> None:
    _, ready = launch(tmp_path, "--throttle", "sandbox")
    amazon = WireClient.of(ready)
    permission = amazon.permission()
    got = [amazon.charge(permission, 1, key=f"k{n}") for n in range(3)]
    assert [answer.status for answer in got] == [201, 201, 429]
    assert got[2].reason == "TooManyRequests"
    amazon.advance(1)
    assert amazon.charge(permission, 1, key="k2").status == 201
    stats = amazon.control("GET", "/stats")
    assert (stats["charges"], stats["throttled"]) == (3, 1)
    amazon.close()

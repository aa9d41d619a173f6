"""The monthly cap: what uses it, what gives it back, and when a month begins (recurring.md §5)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from wire_client import WireClient, yen

pytestmark = pytest.mark.slow


def balance(amazon: WireClient, permission: str) -> int:
    limits = amazon.api("GET", f"/chargePermissions/{permission}").json["limits"]
    return int(limits["amountBalance"]["amount"])


def test_the_cap_is_used_to_the_last_yen_and_no_further(amazon: WireClient) -> None:
    permission = amazon.permission()
    assert amazon.charge(permission, 60_000).status == 201
    assert balance(amazon, permission) == 40_000
    got = amazon.charge(permission, 40_001)
    assert (got.status, got.reason) == (400, "PeriodicAmountExceeded")
    assert "next month" in got.json["message"]
    assert amazon.charge(permission, 40_000).status == 201
    assert balance(amazon, permission) == 0


def test_each_permission_has_a_cap_of_its_own(amazon: WireClient) -> None:
    one, other = amazon.permission(amountLimit=100), amazon.permission(amountLimit=50_000)
    assert amazon.charge(one, 100).status == 201
    assert amazon.charge(other, 50_000).status == 201


def test_the_month_begins_at_midnight_in_japan(amazon: WireClient) -> None:
    permission = amazon.permission(amountLimit=1000)
    amazon.set_clock("2026-04-30T14:59:55Z")
    assert amazon.charge(permission, 1000).status == 201
    assert amazon.charge(permission, 1).reason == "PeriodicAmountExceeded"
    amazon.set_clock("2026-04-30T15:00:00Z")
    assert balance(amazon, permission) == 1000
    assert amazon.charge(permission, 1000).status == 201


def test_the_month_begins_at_midnight_utc_when_told_so(
    launch: Callable[..., tuple[object, dict[str, str]]], tmp_path: Path
) -> None:
    _, ready = launch(
        *(tmp_path, "--throttle", "off", "--cap-zone", "utc", "--amount-limit", "1000"),
        *("--clock", "2026-04-30T15:00:00Z"),
    )
    amazon = WireClient.of(ready)
    amazon.set_clock("2026-04-30T15:00:01Z")
    permission = amazon.permission()
    assert amazon.charge(permission, 1000).status == 201
    amazon.set_clock("2026-04-30T23:59:50Z")
    assert amazon.charge(permission, 1).reason == "PeriodicAmountExceeded"
    amazon.set_clock("2026-05-01T00:00:00Z")
    assert amazon.charge(permission, 1000).status == 201
    amazon.close()


def test_a_cancelled_authorization_gives_its_room_back(amazon: WireClient) -> None:
    permission = amazon.permission(amountLimit=1000)
    charge = amazon.charge(permission, 700, captureNow=False).json["chargeId"]
    assert balance(amazon, permission) == 300
    cancel = {"cancellationReason": "out of stock"}
    assert amazon.api("DELETE", f"/charges/{charge}/cancel", cancel).status == 200
    assert balance(amazon, permission) == 1000


def test_room_goes_back_to_the_month_that_lent_it(amazon: WireClient) -> None:
    permission = amazon.permission(amountLimit=1000)
    amazon.charge(permission, 700, captureNow=False)
    # The authorization of 1 April expires on 1 May: May is untouched, April has its room back.
    amazon.set_clock("2026-05-02T00:00:00Z")
    amazon.charge(permission, 200)
    assert balance(amazon, permission) == 800
    amazon.control("POST", "/clock", {"now": "2026-04-20T00:00:00Z", "force": True})
    amazon.date = "20260420T000000Z"
    assert balance(amazon, permission) == 1000


@pytest.mark.parametrize("code", ["SoftDeclined", "HardDeclined", "TransactionTimedOut"])
def test_a_decline_uses_nothing(amazon: WireClient, code: str) -> None:
    permission = amazon.permission()
    assert amazon.charge(permission, 700, sim=code).status == 422
    assert balance(amazon, permission) == 100_000


def test_a_late_decline_gives_its_room_back(amazon: WireClient) -> None:
    permission = amazon.permission(behaviour=["Pending:SoftDeclined"])
    amazon.charge(permission, 700, canHandlePendingAuthorization=True)
    assert balance(amazon, permission) == 99_300
    amazon.advance(30)
    assert balance(amazon, permission) == 100_000


def test_a_refund_gives_nothing_back(amazon: WireClient) -> None:
    permission = amazon.permission()
    charge = amazon.charge(permission, 700).json["chargeId"]
    amazon.api("POST", "/refunds", {"chargeId": charge, "refundAmount": yen(700)}, key="r")
    amazon.advance(60)
    assert balance(amazon, permission) == 99_300


def test_no_charge_exceeds_ten_million_yen(amazon: WireClient) -> None:
    permission = amazon.permission(amountLimit=50_000_000)
    assert amazon.charge(permission, 10_000_001).reason == "TransactionAmountExceeded"
    assert amazon.charge(permission, 10_000_000).status == 201


def test_a_cap_refusal_takes_no_entry_of_the_script(amazon: WireClient) -> None:
    permission = amazon.permission(amountLimit=100, behaviour=["SoftDeclined"])
    assert amazon.charge(permission, 101).reason == "PeriodicAmountExceeded"
    assert amazon.charge(permission, 100).reason == "SoftDeclined"
    assert amazon.charge(permission, 100).status == 201

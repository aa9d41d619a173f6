"""Random lives of permissions: whatever is called, states move only as states.md allows."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire_client import WireClient, yen

pytestmark = pytest.mark.slow

CHARGE_MOVES = {
    "AuthorizationInitiated": {"Authorized", "Captured", "Canceled", "Declined"},
    "Authorized": {"CaptureInitiated", "Captured", "Canceled"},
    "CaptureInitiated": {"Captured", "Declined"},
    "Captured": set(),
    "Canceled": set(),
    "Declined": set(),
}
PERMISSION_MOVES = {
    "Chargeable": {"NonChargeable", "Closed"},
    "NonChargeable": {"Chargeable", "Closed"},
    "Closed": set(),
}
SECONDS = st.sampled_from([0, 31, 8 * 86_400, 31 * 86_400, 400 * 86_400])
NUMBER = st.integers(min_value=0, max_value=9)
STEPS = st.one_of(
    st.tuples(
        st.just("charge"),
        st.integers(min_value=1, max_value=700),
        st.booleans(),
        st.sampled_from([None, "SoftDeclined", "HardDeclined", "AmazonRejected"]),
    ),
    st.tuples(st.just("capture"), NUMBER, st.integers(min_value=1, max_value=700)),
    st.tuples(st.just("cancel"), NUMBER),
    st.tuples(st.just("refund"), NUMBER, st.integers(min_value=1, max_value=900)),
    st.tuples(st.just("advance"), SECONDS),
    st.tuples(st.just("buyer")),
    st.tuples(st.just("close"), st.booleans()),
)
SCRIPTS = st.lists(
    st.sampled_from(["ok", "Pending:Authorized", "Pending:HardDeclined", "CaptureInitiated"]),
    max_size=5,
)


class Life:
    """One permission, its charges, and what was seen of them so far."""

    def __init__(self, amazon: WireClient, script: list[str]) -> None:
        self.amazon = amazon
        self.permission = amazon.permission(amountLimit=2000, behaviour=script)
        self.charges: list[str] = []
        self.seen: dict[str, str] = {self.permission: "Chargeable"}
        self.calls = 0

    def step(self, name: str, *arguments: Any) -> None:
        got = getattr(self, name)(*arguments)
        assert got is None or got.status in (200, 201, 400, 404, 422), got.raw
        # A call moves an object once; a jump of the clock may fire several timers of one.
        self.look(hops=3 if name == "advance" else 1)

    def charge(self, amount: int, capture: bool, code: str | None) -> Any:
        got = self.amazon.charge(
            self.permission,
            amount,
            sim=code,
            captureNow=capture,
            canHandlePendingAuthorization=True,
        )
        if got.status == 201:
            self.charges.append(got.json["chargeId"])
        return got

    def capture(self, number: int, amount: int) -> Any:
        body = {"captureAmount": yen(amount)}
        return self.amazon.api("POST", f"/charges/{self.pick(number)}/capture", body)

    def cancel(self, number: int) -> Any:
        body = {"cancellationReason": "x"}
        return self.amazon.api("DELETE", f"/charges/{self.pick(number)}/cancel", body)

    def refund(self, number: int, amount: int) -> Any:
        self.calls += 1
        body = {"chargeId": self.pick(number), "refundAmount": yen(amount)}
        key = f"{self.permission}-{self.calls}"
        return self.amazon.api("POST", "/refunds", body, key=key)

    def advance(self, seconds: int) -> None:
        self.amazon.advance(seconds)

    def buyer(self) -> None:
        path = f"/charge-permissions/{self.permission}"
        self.amazon.control_raw("PATCH", path, {"paymentMethod": "updated"})

    def close(self, cancel: bool) -> Any:
        body = {"closureReason": "x", "cancelPendingCharges": cancel}
        return self.amazon.api("DELETE", f"/chargePermissions/{self.permission}/close", body)

    def pick(self, number: int) -> str:
        return self.charges[number % len(self.charges)] if self.charges else "none"

    def look(self, *, hops: int) -> None:
        permission = self.amazon.api("GET", f"/chargePermissions/{self.permission}").json
        self.moved(self.permission, permission["statusDetails"]["state"], PERMISSION_MOVES, hops)
        query = f"/charges?chargePermissionId={self.permission}"
        rows = self.amazon.control("GET", query)["items"]
        assert [row["chargeId"] for row in rows] == self.charges
        for row in rows:
            self.moved(row["chargeId"], row["state"], CHARGE_MOVES, hops)
            assert 0 <= row["capturedAmount"] <= row["amount"]
            assert row["refundedAmount"] * 100 <= row["capturedAmount"] * 115
        self.cap_adds_up(permission["limits"], rows)

    def moved(self, object_id: str, state: str, moves: dict[str, set[str]], hops: int) -> None:
        before = self.seen.get(object_id, state)
        reachable = {before}
        for _ in range(hops):
            reachable |= {after for reached in reachable for after in moves[reached]}
        assert state in reachable, f"{object_id}: {before} → {state}"
        self.seen[object_id] = state

    def cap_adds_up(self, limits: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        """Room used = charges of this month that took or may still take money."""
        months = {row["capMonth"] for row in rows}
        by_month = {
            month: sum(
                row["amount"]
                for row in rows
                if row["capMonth"] == month and row["state"] not in ("Canceled", "Declined")
            )
            for month in months
        }
        used = 2000 - int(limits["amountBalance"]["amount"])
        assert used in {0, *by_month.values()}
        assert all(total <= 2000 for total in by_month.values())


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(script=SCRIPTS, steps=st.lists(STEPS, max_size=12))
def test_random_lives_follow_the_state_machines(
    amazon: WireClient, script: list[str], steps: list[tuple[Any, ...]]
) -> None:
    life = Life(amazon, script)
    for name, *arguments in steps:
        life.step(name, *arguments)

"""The state machine of the tests without its rules: time, look-ups, and the checks of each step."""

from typing import Any

from amazon_model import (
    PERMISSION_MONTHS,
    Charge,
    Model,
    Permission,
    Refund,
    month_of,
    months_later,
    seconds,
)
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from wire_client import Got, WireClient

START = "2026-04-01T00:00:00Z"
# Nothing may fall due between asking the time and the answer to a call, however busy the machine.
CLEAR_SECONDS = 20
LIMIT = 100_000


class Watched(RuleBasedStateMachine):
    """The model beside the real thing: time, and what must hold after every step."""

    def __init__(self, amazon: WireClient, store_id: str) -> None:
        super().__init__()
        self.amazon = amazon
        self.store_id = store_id
        self.kept: list[tuple[str, str, dict[str, Any], Got]] = []
        self.touched: list[Permission | Charge | Refund] = []

    @initialize()
    def empty(self) -> None:
        self.amazon.control("POST", "/reset", {"now": START})
        self.amazon.set_clock(START)
        self.model = Model(now=seconds(START))
        self._add_permission(self.amazon.permission(), LIMIT, [])

    # time

    def _clear(self) -> None:
        """Brings the model to the present, and the present away from anything that is due."""
        while True:
            # The fraction of a second may already be past what the model knows in whole seconds.
            self.model.play(seconds(self.amazon.control("GET", "/clock")["now"]))
            if not self.model.is_near(CLEAR_SECONDS):
                return
            self.amazon.advance(CLEAR_SECONDS + 3)

    # additions

    def _add_permission(self, permission_id: str, limit: int, script: list[str]) -> Permission:
        got = self.amazon.api("GET", f"/chargePermissions/{permission_id}").json
        created = seconds(got["creationTimestamp"])
        expires = seconds(got["expirationTimestamp"])
        assert expires == months_later(created, PERMISSION_MONTHS)
        permission = Permission(permission_id, limit, created, expires, script=[*script])
        self.model.permissions.append(permission)
        return permission

    def _opened(
        self, permission: Permission, got: Got, amount: int, now: bool, outcome: str
    ) -> None:
        assert got.status == 201, got.raw
        at = seconds(got.json["creationTimestamp"])
        state = "Captured" if now else "Authorized"
        ends_in = None
        if outcome == "CaptureInitiated":
            state = "CaptureInitiated"
        elif outcome.startswith("Pending:"):
            state = "AuthorizationInitiated"
            word = outcome.removeprefix("Pending:")
            ends_in = None if word == "Authorized" else word
        charge = Charge(
            got.json["chargeId"],
            permission,
            amount,
            state,
            at,
            at,
            month_of(at),
            now,
            None,
            ends_in,
        )
        charge.authorized_at = at
        charge.captured = amount if state in ("Captured", "CaptureInitiated") else 0
        permission.charges.append(charge)
        permission.expires = months_later(at, PERMISSION_MONTHS)
        self.touched += [charge, permission]

    # what must hold after every step

    @invariant()
    def the_truth_is_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        self._clear()
        truth = {row["chargeId"]: row for row in self._rows("/charges")}
        assert truth.keys() == {charge.id for charge in self.model.charges}
        for charge in self.model.charges:
            row = truth[charge.id]
            assert (row["state"], row["reasonCode"]) == (charge.state, charge.reason), row
            assert seconds(row["updatedAt"]) == charge.changed, (row, charge)
            captured = charge.captured if charge.state == "Captured" else 0
            refunded = sum(r.amount for r in charge.refunds if r.state == "Refunded")
            assert (row["capturedAmount"], row["refundedAmount"]) == (captured, refunded)
            assert captured <= charge.amount
            assert charge.refundable >= 0
        refunds = {row["refundId"]: row for row in self._rows("/refunds")}
        assert {r.id: r.state for r in self.model.refunds} == {
            refund_id: row["state"] for refund_id, row in refunds.items()
        }
        for refund in self.model.refunds:
            assert seconds(refunds[refund.id]["updatedAt"]) == refund.changed

    @invariant()
    def permissions_and_caps_hold(self) -> None:
        if not hasattr(self, "model"):
            return
        month = month_of(self.model.now)
        rows = {row["chargePermissionId"]: row for row in self._rows("/charge-permissions")}
        for permission in self.model.permissions:
            row = rows[permission.id]
            assert (row["state"], row["reasonCode"]) == (permission.state, permission.reason)
            assert row["amountBalance"] == permission.balance(month)
            for used in {c.month for c in permission.charges}:
                assert permission.balance(used) <= permission.limit

    @invariant()
    def the_api_says_the_same(self) -> None:
        for thing in self.touched[-4:]:
            kind = "charges" if isinstance(thing, Charge) else "chargePermissions"
            status = self.amazon.api("GET", f"/{kind}/{thing.id}").json["statusDetails"]
            assert status["state"] == thing.state
            assert seconds(status["lastUpdatedTimestamp"]) == thing.changed
        self.touched.clear()
        for session in getattr(self, "model", Model(0)).sessions:
            got = self.amazon.api("GET", f"/checkoutSessions/{session.id}")
            if got.status == 404:
                # Purged thirty days after its creation.
                assert self.model.now >= session.created + 30 * 86_400
                continue
            status = got.json["statusDetails"]
            assert (status["state"], status["reasonCode"]) == (session.state, session.reason)

    # helpers

    def _rows(self, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.amazon.control("GET", f"{path}?limit=1000")["items"]
        return rows

    def _usable(self) -> list[Permission]:
        return [p for p in self.model.permissions if p.state != "Closed"]

    def _permission(self, pick: int, likely: str = "Chargeable") -> Permission:
        """Three times in four one in the likely state, where there is one."""
        fitting = [p for p in self.model.permissions if p.state == likely and pick % 4 != 3]
        among = fitting or self.model.permissions
        self.touched.append(among[pick % len(among)])
        return among[pick % len(among)]

    def _charge(self, pick: int, likely: str) -> Charge:
        """The same for charges."""
        fitting = [c for c in self.model.charges if c.state == likely and pick % 4 != 3]
        among = fitting or self.model.charges
        self.touched.append(among[pick % len(among)])
        return among[pick % len(among)]

    def _changed(self, thing: Permission | Charge) -> int:
        """When Amazon says that it last changed: this call is the only one that could have."""
        kind = "charges" if isinstance(thing, Charge) else "chargePermissions"
        status = self.amazon.api("GET", f"/{kind}/{thing.id}").json["statusDetails"]
        at = seconds(status["lastUpdatedTimestamp"])
        assert at == thing.changed or self.model.now <= at <= self.model.now + CLEAR_SECONDS
        return at

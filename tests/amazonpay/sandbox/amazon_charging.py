"""Rules of the state machine on Charge Permissions, Charges and Refunds.

Nothing is drawn from what exists: an operation that needs, say, an Authorized charge takes one or
makes one. So the choices of a run do not depend on how fast the machine was.
"""

import json
import uuid
from typing import Any

from amazon_calendar import DAY, iso, month_of, ms
from amazon_machine import Watched, operation, refused
from amazon_model import (
    CHARGE_CODES,
    DECLINES,
    HIGHEST,
    LIMIT,
    MIGRATED_LIMIT,
    MOST_CHARGES,
    MOST_REFUNDS,
    PENDING,
    REFUND,
    SYNCHRONOUS_CAPTURE,
    Charge,
    Permission,
    Refund,
)
from hypothesis import strategies as st
from wire_client import yen

# 7 yen are the least of which 15 % and 16 % differ; from 56,000 on ¥8,400 bind instead of 15 %.
AMOUNTS = st.sampled_from([1, 7, 480, 1_000, 2_999, 9_999, 55_999, 56_007, 60_000])
# The whole of what is left, a yen more, a yen less, one yen, half of it, or some other amount.
EDGES = st.sampled_from(["all", "all", "over", "over", "under", "one", "half"])
ENDINGS = st.sampled_from(
    ["HardDeclined", "Authorized", "SoftDeclined", "AmazonRejected", "ProcessingFailure"]
)
SCRIPTS = st.lists(
    st.sampled_from(["ok", *DECLINES, "ProcessingFailure", "Pending:Authorized"]), max_size=3
).map(tuple)
KINDS = st.sampled_from(["Recurring", "OneTime"])
PICK = st.integers(min_value=0, max_value=1_000)
STATES = ("AuthorizationInitiated", "Authorized", "CaptureInitiated", "Captured")
BUYER_REASONS = ("PaymentMethodExpired", "PaymentMethodDeleted", "BillingAddressDeleted")
OUTCOMES = st.sampled_from(["ok", "AmazonRejected", "ProcessingFailure"])


def edge(most: int, where: str) -> int:
    """An amount at or beside the most that is allowed."""
    amounts = {"all": most, "over": most + 1, "under": most - 1, "one": 1, "half": most // 2}
    return max(amounts[where], 1)


class Charging(Watched):
    """What a merchant does with an agreement, and a buyer behind the merchant's back."""

    # what a rule works on

    def permission(self, pick: int, kind: str = "Recurring", room: int = 1) -> Permission:
        """A Chargeable permission without a script and with so much room."""
        month = month_of(self.model.now)
        fitting = [
            p
            for p in self.model.permissions
            if (p.state, p.kind, p.script) == ("Chargeable", kind, [])
            and p.balance(month) >= room
            and not (p.is_order and len(p.charges) >= MOST_CHARGES)
        ]
        return fitting[pick % len(fitting)] if fitting else self.consent(kind=kind)

    def any_permission(self, pick: int) -> Permission:
        permission = self.model.permissions[pick % len(self.model.permissions)]
        self.touched.append(permission)
        return permission

    def charge(self, pick: int, state: str, kind: str = "Recurring") -> Charge:
        """Mostly a charge in that state, one time in five whatever there is."""
        among = [c for c in self.model.charges if c.state == state and c.permission.kind == kind]
        if pick % 5 == 4 and self.model.charges:
            among = self.model.charges
        charge = among[pick % len(among)] if among else self.new_charge(pick, state, kind)
        self.touched.append(charge)
        return charge

    def new_charge(self, pick: int, state: str, kind: str, amount: int = 20_000) -> Charge:
        permission = self.permission(pick, kind, amount)
        if state == "AuthorizationInitiated":
            self.behave(permission, "Pending:Authorized")
        charge = self.create(
            permission,
            amount,
            now=state.startswith("Capture"),
            pending=state == "AuthorizationInitiated",
            code="CaptureInitiated" if state == "CaptureInitiated" else None,
        )
        # A month's end or an expiry may have come between.
        return charge or self.new_charge(pick, state, kind, amount)

    def behave(self, permission: Permission, *script: str) -> None:
        got = self.act("PATCH", f"/charge-permissions/{permission.id}", {"behaviour": [*script]})
        assert got.status == 200, got.raw
        permission.script = [*script]

    # permissions

    @operation(limit=st.sampled_from([LIMIT, 10_000, 0]), script=SCRIPTS, kind=KINDS)
    def a_buyer_consents(self, limit: int, script: tuple[str, ...], kind: str) -> None:
        self.touched.append(self.consent(max(limit, 1), script, kind))

    @operation(pick=PICK, to=st.sampled_from(["updated", "limit", "closed", *BUYER_REASONS]))
    def a_buyer_acts(self, pick: int, to: str) -> None:
        permission = self.any_permission(pick)
        if to == "limit":
            return None if permission.is_order else self.raise_limit(permission)
        change: dict[str, Any] = {"state": "NonChargeable", "reasonCode": to}
        if to == "closed":
            change = {"state": "Closed", "reasonCode": "BuyerClosed"}
        elif to == "updated":
            change = {"paymentMethod": "updated"}
        got = self.act("PATCH", f"/charge-permissions/{permission.id}", change)
        if permission.state == "Closed":
            assert got.status == (200 if to == "closed" else 400), got.raw
            return None
        assert got.status == 200, got.raw
        states = {"closed": ("Closed", "BuyerClosed"), "updated": ("Chargeable", None)}
        at = ms(got.json["updatedAt"])
        permission.move(*states.get(to, ("NonChargeable", to)), at)
        if to == "updated":
            permission.settle(at)
        return None

    @operation(pick=PICK, text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
    def update_permission(self, pick: int, text: str) -> None:
        self.update_permission_of(self.any_permission(pick), text)

    def update_permission_of(self, permission: Permission, text: str) -> None:
        path = f"/chargePermissions/{permission.id}"
        got = self.call("PATCH", path, {"merchantMetadata": {"noteToBuyer": text}})
        # In a closed order what is still empty may be filled (api.md §7).
        if permission.state == "Closed" and (
            not permission.is_order or permission.id in self.noted
        ):
            return refused(got, (422, "ChargePermissionNotModifiable"))
        self.noted.add(permission.id)
        assert (got.status, got.json["merchantMetadata"]["noteToBuyer"]) == (200, text)

    @operation(pick=PICK, cancel=st.booleans(), code=st.sampled_from([None, None, "AmazonClosed"]))
    def close(self, pick: int, cancel: bool, code: str | None) -> None:
        self.closed(self.any_permission(pick), cancel, code)

    @operation(pick=PICK, state=st.sampled_from(STATES), odds=st.integers(0, 2), kind=KINDS)
    def close_with_a_charge(self, pick: int, state: str, odds: int, kind: str) -> None:
        self.closed(self.charge(pick, state, kind).permission, odds < 2, None)

    @operation(pick=PICK, ending=ENDINGS, cancel=st.booleans())
    def close_while_pending(self, pick: int, ending: str, cancel: bool) -> None:
        """What is canceled stays so, and nothing that ends later opens a closed permission."""
        for kind in ("Recurring", "OneTime"):
            charge = self.pending(pick, ending, kind, now=False, may_wait=True)
            if charge is not None:
                self.closed(charge.permission, cancel, None)
        self.go_to(self.model.now + PENDING + 1)

    def closed(self, permission: Permission, cancel: bool, code: str | None) -> None:
        body = {"closureReason": "解約", "cancelPendingCharges": cancel}
        got = self.call("DELETE", f"/chargePermissions/{permission.id}/close", body, sim=code)
        self.touched.append(permission)
        if permission.state == "Closed":
            return refused(got, (422, "InvalidChargePermissionStatus"))
        assert got.status == 200, got.raw
        permission.move("Closed", code or "MerchantClosed", self.at)
        for charge in permission.charges:
            if cancel and charge.state in ("AuthorizationInitiated", "Authorized"):
                charge.move("Canceled", self.at, "ChargePermissionCanceled")

    # charges

    @operation(pick=PICK, amount=AMOUNTS, now=st.booleans(), pending=st.booleans(), odds=PICK)
    def create_charge(self, pick: int, amount: int, now: bool, pending: bool, odds: int) -> None:
        code = (*CHARGE_CODES, "CaptureInitiated")[odds % 5] if odds % 4 == 3 else None
        self.create(self.any_permission(pick), amount, now=now, pending=pending, code=code)

    @operation(pick=PICK, where=EDGES, kind=KINDS, now=st.booleans())
    def charge_what_is_left(self, pick: int, where: str, kind: str, now: bool) -> None:
        permission = self.permission(pick, kind)
        self.create(permission, edge(permission.balance(month_of(self.model.now)), where), now=now)

    @operation(pick=PICK, code=st.sampled_from([*CHARGE_CODES, "CaptureInitiated"]), kind=KINDS)
    def simulate(self, pick: int, code: str, kind: str) -> None:
        self.create(self.permission(pick, kind, 480), 480, now=pick % 5 > 0, code=code)

    @operation(pick=PICK, ending=ENDINGS, kind=KINDS, now=st.booleans(), may_wait=st.integers(0, 4))
    def charge_pending(self, pick: int, ending: str, kind: str, now: bool, may_wait: int) -> None:
        self.pending(pick, ending, kind, now, may_wait > 0)

    def pending(
        self, pick: int, ending: str, kind: str, now: bool, may_wait: bool
    ) -> Charge | None:
        permission = self.permission(pick, kind, 1_000)
        self.behave(permission, f"Pending:{ending}")
        return self.create(permission, 1_000, now=now, pending=may_wait)

    @operation(pick=PICK, how=st.sampled_from(["same", "respelled", "changed", "elsewhere"]))
    def repeat_a_key(self, pick: int, how: str) -> None:
        if not self.kept:
            self.new_charge(pick, "Captured", "Recurring")
        path, key, body, before = self.kept[-1 - pick % len(self.kept)]
        again: Any = body
        if how == "respelled":
            again = json.dumps(dict(reversed(body.items())), indent=1).encode()
        elif how == "changed":
            again = body | {"softDescriptor": "x"}
        elif how == "elsewhere":
            path = "/refunds" if path == "/charges" else "/charges"
        got = self.call("POST", path, again, key)
        if how in ("changed", "elsewhere"):
            return refused(got, (400, "DuplicateIdempotencyKey"))
        assert (got.status, got.raw) == (before.status, before.raw)

    @operation(pick=PICK, code=st.sampled_from([None, "SoftDeclined", "TransactionTimedOut"]))
    def repeat_what_was_refused(self, pick: int, code: str | None) -> None:
        """Amazon's no stays with its key, whatever has become possible since."""
        permission = self.permission(pick)
        over = permission.balance(month_of(self.model.now)) + 1
        self.create(permission, 1 if code else over, code=code)
        path, key, body, before = self.kept[-1]
        self.raise_limit(permission)
        got = self.call("POST", path, body, key)
        assert (got.status, got.raw) == (before.status, before.raw)

    def raise_limit(self, permission: Permission) -> None:
        change = {"amountLimit": permission.limit + 5_000}
        got = self.act("PATCH", f"/charge-permissions/{permission.id}", change)
        assert got.status == 200, got.raw
        permission.limit += 5_000

    @operation(pick=PICK)
    def repeat_what_failed(self, pick: int) -> None:
        """500 leaves the key free: the second try is performed."""
        permission = self.permission(pick, room=1_000)
        self.behave(permission, "ProcessingFailure")
        key = uuid.uuid4().hex
        assert self.create(permission, 1_000, key=key) is None
        self.create(permission, 1_000, key=key)

    @operation(pick=PICK, where=EDGES, odds=PICK)
    def capture(self, pick: int, where: str, odds: int) -> None:
        code = ("CaptureInitiated", "AmazonRejected")[odds % 4 // 2] if odds % 2 == 0 else None
        for kind in ("Recurring", "OneTime"):
            charge = self.charge(pick, "Authorized", kind)
            self.captured(charge, edge(charge.amount, where), code)

    @operation(pick=PICK, state=st.sampled_from(STATES))
    def capture_twice(self, pick: int, state: str) -> None:
        charge = self.charge(pick, state)
        self.captured(charge, 1, "CaptureInitiated")
        self.captured(charge, 1)

    def captured(self, charge: Charge, amount: int, code: str | None = None) -> None:
        key, body = uuid.uuid4().hex, {"captureAmount": yen(amount)}
        path = f"/charges/{charge.id}/capture"
        got = self.call("POST", path, body, key, code)
        self.keep(path, key, body, got)
        self.touched.append(charge)
        refusal = charge.refuse_capture(amount)
        if refusal is not None:
            return refused(got, refusal)
        assert got.status == 200, got.raw
        charge.capture(amount, self.at, code)

    @operation(pick=PICK, state=st.sampled_from(["Authorized", *STATES]))
    def cancel(self, pick: int, state: str) -> None:
        for kind in ("Recurring", "OneTime"):
            self.canceled(self.charge(pick, state, kind))

    def canceled(self, charge: Charge) -> None:
        body = {"cancellationReason": "欠品"}
        got = self.call("DELETE", f"/charges/{charge.id}/cancel", body)
        if charge.state not in ("AuthorizationInitiated", "Authorized"):
            return refused(got, (422, "InvalidChargeStatus"))
        assert got.status == 200, got.raw
        charge.move("Canceled", self.at, "MerchantCanceled")

    @operation(pick=PICK)
    def fill_an_order(self, pick: int) -> None:
        """The 26th charge is one too many; seldom, since it takes as many calls."""
        if pick % 3:
            return
        permission = self.consent(kind="OneTime")
        for number in range(MOST_CHARGES + 1):
            charge = self.create(permission, 1 + number % 3)
            assert charge is None or number < MOST_CHARGES

    # refunds

    @operation(pick=PICK, amount=AMOUNTS, where=EDGES, outcome=OUTCOMES)
    def refund_to_the_edge(self, pick: int, amount: int, where: str, outcome: str) -> None:
        """On a fresh charge: two refunds that meet at the most that may be given back."""
        charge = self.new_charge(pick, "Captured", "Recurring", amount)
        if outcome != "ok":
            self.refunds_end_in(outcome)
        self.refunded(charge, max(charge.refundable // 3, 1))
        self.refunded(charge, edge(charge.refundable, where))

    @operation(pick=PICK, where=EDGES, state=st.sampled_from([*STATES, "Captured", "Captured"]))
    def refund(self, pick: int, where: str, state: str) -> None:
        charge = self.charge(pick, state)
        self.refunded(charge, edge(charge.refundable, where))

    @operation(outcome=OUTCOMES)
    def refunds_end_in(self, outcome: str) -> None:
        got = self.act("POST", "/refund-outcomes", {"outcome": outcome})
        assert got.status < 300, got.raw
        self.model.refund_script.append(outcome)

    @operation(pick=PICK, outcome=OUTCOMES)
    def refund_again(self, pick: int, outcome: str) -> None:
        """A refund that was declined gives its room back."""
        charge = self.new_charge(pick, "Captured", "Recurring", 1_000)
        self.act("DELETE", "/refund-outcomes", None)
        self.model.refund_script.clear()
        self.refunds_end_in(outcome)
        self.refunded(charge, charge.refundable)
        self.go_to(self.model.now + REFUND + 1)
        self.refunded(charge, max(charge.refundable, 1))

    @operation(pick=PICK)
    def refund_too_often(self, pick: int) -> None:
        if pick % 3:
            return
        charge = self.new_charge(pick, "Captured", "Recurring", 1_000)
        for _ in range(MOST_REFUNDS + 1):
            self.refunded(charge, 1)

    @operation(over=st.booleans())
    def at_the_top(self, over: bool) -> None:
        """Neither a charge nor its refunds exceed ten million yen."""
        permission = self.consent(3 * HIGHEST)
        self.create(permission, HIGHEST + 1)
        charge = self.create(permission, HIGHEST)
        if charge is not None:
            self.refunded(charge, HIGHEST + over)

    def refunded(self, charge: Charge, amount: int) -> None:
        body = {"chargeId": charge.id, "refundAmount": yen(amount)}
        key = uuid.uuid4().hex
        got = self.call("POST", "/refunds", body, key)
        self.keep("/refunds", key, body, got)
        self.touched.append(charge)
        refusal = charge.refuse_refund(amount)
        if refusal is not None:
            return refused(got, refusal)
        assert got.status == 201, got.raw
        outcome = self.model.refund_script.pop(0) if self.model.refund_script else "ok"
        ends_in = None if outcome == "ok" else outcome
        made = Refund(got.json["refundId"], charge, amount, self.at, ends_in, changed=self.at)
        charge.refunds.append(made)
        self.touched.append(made)

    # what CV1 left behind

    @operation(
        pick=PICK,
        kind=KINDS,
        state=st.sampled_from(["Authorized", "Authorized", "Captured", "CaptureInitiated"]),
        age=st.sampled_from([0, DAY, SYNCHRONOUS_CAPTURE + 1, 29 * DAY]),
        where=EDGES,
    )
    def migrate(self, pick: int, kind: str, state: str, age: int, where: str) -> None:
        """An agreement or an order of CV1 with a charge of its own, handled through CV2."""
        number = 1_000_000 + len(self.model.permissions)
        agreement = f"{'S' if kind == 'OneTime' else 'C'}01-5797829-{number}"
        wish = {"id": agreement, "migrated": True}
        got = self.act("POST", "/charge-permissions", wish)
        permission = self.granted(got, is_migrated=True)
        assert permission.limit == MIGRATED_LIMIT
        planted = {"chargePermissionId": agreement, "id": f"{agreement}-C043451", "state": state}
        # Whole seconds, so that nothing of it falls due in the very millisecond of the planting.
        created = self.model.now // 1_000 * 1_000 - age
        more = {"amount": 3_000, "createdAt": iso(created)}
        got = self.act("POST", "/charges", planted | more)
        assert got.status == 201, got.raw
        charge = Charge(f"{agreement}-C043451", permission, 3_000, state, created)
        permission.charges.append(charge)
        permission.settle(self.changed(permission))
        self.model.play(self.clock())
        if state == "Authorized":
            self.captured(charge, edge(3_000, where))
        self.create(permission, edge(permission.balance(month_of(self.model.now)), where))

    def changed(self, permission: Permission) -> int:
        """When Amazon says that it last changed."""
        got = self.amazon.control("GET", f"/charge-permissions/{permission.id}")
        return ms(got["updatedAt"])

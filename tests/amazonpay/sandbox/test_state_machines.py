"""Random operations against one local Amazon Pay: every step must be what states.md allows."""

import uuid
from typing import Any

import pytest
from amazon_machine import LIMIT, Watched
from amazon_model import (
    CODES,
    DECLINES,
    MOST_REFUNDS,
    SYNCHRONOUS_CAPTURE,
    Permission,
    Refund,
    Session,
    month_of,
    seconds,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from wire_client import Got, WireClient, yen

pytestmark = pytest.mark.slow

AMOUNTS = st.sampled_from([1, 7, 480, 1_000, 2_999, 5_000, 9_999, 20_000])
SCRIPTED = (
    *["ok"] * 6,
    *DECLINES,
    "ProcessingFailure",
    "Pending:Authorized",
    "Pending:SoftDeclined",
)
SCRIPTS = st.lists(
    st.sampled_from([*SCRIPTED, "Pending:HardDeclined", "Pending:AmazonRejected"]), max_size=3
)
# Mostly the half minutes of the sandbox, sometimes days; seldom the months that end everything.
TIMES = [5, 31, 31, 31, 31, 600, 31, 31, 90_000, 31, 31, 700_000, 2_700_000, 35_000_000]
PICK = st.integers(min_value=0, max_value=1_000)
INTENTS = st.sampled_from(["Authorize", "AuthorizeWithCapture", "Confirm"])
BUYER_REASONS = ("PaymentMethodExpired", "PaymentMethodDeleted", "BillingAddressDeleted")


class AmazonPay(Watched):
    """What merchant and buyers do, at random."""

    @rule(by=st.sampled_from(TIMES))
    def time_passes(self, by: int) -> None:
        self.amazon.advance(by)
        self._clear()

    # permissions

    @rule(limit=st.sampled_from([LIMIT, 10_000, LIMIT, 0]), script=SCRIPTS)
    @precondition(lambda self: len(self._usable()) < 3)
    def consent(self, limit: int, script: list[str]) -> None:
        self._clear()
        permission = self.amazon.permission(amountLimit=limit, behaviour=script)
        self._add_permission(permission, limit, script)

    @rule(pick=PICK, to=st.sampled_from(["updated", "limit", "updated", "closed", *BUYER_REASONS]))
    @precondition(lambda self: len(self._usable()) > 1)
    def buyer_acts(self, pick: int, to: str) -> None:
        self._clear()
        permission = self._permission(pick, "NonChargeable" if to == "updated" else "Chargeable")
        change: dict[str, Any] = {"state": "NonChargeable", "reasonCode": to}
        if to == "limit":
            change = {"amountLimit": permission.limit + 5_000}
        elif to == "closed":
            change = {"state": "Closed", "reasonCode": "BuyerClosed"}
        elif to == "updated":
            change = {"paymentMethod": "updated"}
        got = self.amazon.control_raw("PATCH", f"/charge-permissions/{permission.id}", change)
        if to == "limit":
            permission.limit += 5_000
        elif permission.state == "Closed":
            assert got.status == 400 or to == "closed"
            return
        else:
            states = {"closed": ("Closed", "BuyerClosed"), "updated": ("Chargeable", None)}
            permission.move(*states.get(to, ("NonChargeable", to)), seconds(got.json["updatedAt"]))
        assert got.status == 200, got.raw

    @rule(pick=PICK, text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
    @precondition(lambda self: self.model.permissions)
    def update_permission(self, pick: int, text: str) -> None:
        self._clear()
        permission = self._permission(pick)
        body = {"merchantMetadata": {"noteToBuyer": text}}
        got = self.amazon.api("PATCH", f"/chargePermissions/{permission.id}", body)
        if permission.state == "Closed":
            _refused(got, 422, "ChargePermissionNotModifiable")
        else:
            assert (got.status, got.json["merchantMetadata"]["noteToBuyer"]) == (200, text)

    @rule(pick=PICK, cancel=st.booleans(), code=st.sampled_from([None, None, "AmazonClosed"]))
    @precondition(lambda self: len(self._usable()) > 1)
    def close(self, pick: int, cancel: bool, code: str | None) -> None:
        self._clear()
        permission = self._permission(pick)
        body = {"closureReason": "解約", "cancelPendingCharges": cancel}
        got = self.amazon.api("DELETE", f"/chargePermissions/{permission.id}/close", body, sim=code)
        if permission.state == "Closed":
            return _refused(got, 422, "InvalidChargePermissionStatus")
        assert got.status == 200, got.raw
        at = seconds(got.json["statusDetails"]["lastUpdatedTimestamp"])
        permission.move("Closed", code or "MerchantClosed", at)
        for charge in permission.charges:
            if cancel and charge.state in ("AuthorizationInitiated", "Authorized"):
                charge.move("Canceled", at, "ChargePermissionCanceled")
                self.touched.append(charge)

    # charges

    @rule(pick=PICK, amount=AMOUNTS, now=st.booleans(), pending=st.booleans(), odds=PICK)
    @precondition(lambda self: self.model.permissions)
    def create_charge(self, pick: int, amount: int, now: bool, pending: bool, odds: int) -> None:
        self._clear()
        permission = self._permission(pick)
        code = (*CODES, "CaptureInitiated")[odds % 5] if odds % 4 == 3 else None
        body = {
            "chargePermissionId": permission.id,
            "chargeAmount": yen(amount),
            "captureNow": now,
            "canHandlePendingAuthorization": pending,
        }
        key = uuid.uuid4().hex
        got = self.amazon.api("POST", "/charges", body, key=key, sim=code)
        refused, outcome = self._expected(permission, amount, now, pending, code)
        if got.status in (201, 422) or got.reason == "PeriodicAmountExceeded":
            self.kept.append(("/charges", key, body, got))
        if refused is not None:
            _refused(got, *refused)
            if refused[1] in DECLINES:
                permission.decline(refused[1], self._changed(permission))
            return
        self._opened(permission, got, amount, now, outcome)

    def _expected(
        self, permission: Permission, amount: int, now: bool, pending: bool, code: str | None
    ) -> tuple[tuple[int, str] | None, str]:
        """The refusal that must come, if any, and how the charge ends if none does."""
        if code == "CaptureInitiated" and not now:
            return (400, "InvalidSandboxSimulationSpecified"), ""
        if permission.state != "Chargeable":
            return (422, "InvalidChargePermissionStatus"), ""
        if amount > permission.balance(month_of(self.model.now)):
            return (400, "PeriodicAmountExceeded"), ""
        outcome = code or permission.next_scripted()
        if outcome in DECLINES:
            return (422, outcome), ""
        if outcome == "ProcessingFailure":
            return (500, "ProcessingFailure"), ""
        if outcome.startswith("Pending:") and not pending:
            return (422, "TransactionTimedOut"), ""
        return None, outcome

    @rule(pick=PICK, change=st.booleans())
    @precondition(lambda self: self.kept)
    def repeat_a_key(self, pick: int, change: bool) -> None:
        self._clear()
        path, key, body, before = self.kept[pick % len(self.kept)]
        got = self.amazon.api(
            "POST", path, body | ({"softDescriptor": "x"} if change else {}), key=key
        )
        if change:
            return _refused(got, 400, "DuplicateIdempotencyKey")
        assert (got.status, got.raw) == (before.status, before.raw)

    @rule(pick=PICK, share=st.sampled_from([1, 50, 100, 100, 101]), odds=PICK)
    @precondition(lambda self: self.model.charges)
    def capture(self, pick: int, share: int, odds: int) -> None:
        self._clear()
        charge = self._charge(pick, "Authorized")
        amount = max(charge.amount * share // 100, 1) + (1 if share > 100 else 0)
        code = ("CaptureInitiated", "AmazonRejected")[odds % 4 // 2] if odds % 2 == 0 else None
        body = {"captureAmount": yen(amount)}
        got = self.amazon.api("POST", f"/charges/{charge.id}/capture", body, sim=code)
        if charge.state != "Authorized":
            return _refused(got, 422, "InvalidChargeStatus")
        if amount > charge.amount:
            return _refused(got, 400, "TransactionAmountExceeded")
        assert got.status == 200, got.raw
        late = code is not None or self.model.now - charge.authorized_at > SYNCHRONOUS_CAPTURE
        rejected = "AmazonRejected" if code == "AmazonRejected" else None
        charge.capture(amount, self._changed(charge), late=late, ends_in=rejected)

    @rule(pick=PICK)
    @precondition(lambda self: self.model.charges)
    def cancel(self, pick: int) -> None:
        self._clear()
        charge = self._charge(pick, "Authorized")
        body = {"cancellationReason": "欠品"}
        got = self.amazon.api("DELETE", f"/charges/{charge.id}/cancel", body)
        if charge.state not in ("AuthorizationInitiated", "Authorized"):
            return _refused(got, 422, "InvalidChargeStatus")
        assert got.status == 200, got.raw
        charge.move("Canceled", self._changed(charge), "MerchantCanceled")

    @rule(pick=PICK, share=st.sampled_from([1, 10, 50, 100, 115, 116]))
    @precondition(lambda self: self.model.charges)
    def refund(self, pick: int, share: int) -> None:
        self._clear()
        charge = self._charge(pick, "Captured")
        amount = max(charge.amount * share // 100, 1)
        body = {"chargeId": charge.id, "refundAmount": yen(amount)}
        key = uuid.uuid4().hex
        got = self.amazon.api("POST", "/refunds", body, key=key)
        self.kept.append(("/refunds", key, body, got))
        if charge.state != "Captured":
            return _refused(got, 422, "InvalidChargeStatus")
        if len(charge.refunds) >= MOST_REFUNDS:
            return _refused(got, 422, "TransactionCountExceeded")
        if amount > charge.refundable:
            return _refused(got, 400, "TransactionAmountExceeded")
        assert got.status == 201, got.raw
        at = seconds(got.json["creationTimestamp"])
        charge.refunds.append(Refund(got.json["refundId"], amount, at, changed=at))

    # checkout

    @rule(amount=AMOUNTS, intent=INTENTS)
    @precondition(lambda self: len(self.model.sessions) < 8)
    def open_session(self, amount: int, intent: str) -> None:
        self._clear()
        payload = {
            "webCheckoutDetails": {
                "checkoutReviewReturnUrl": "https://shop.example.jp/review",
                "checkoutResultReturnUrl": "https://shop.example.jp/result",
            },
            "storeId": self.store_id,
            "chargePermissionType": "Recurring",
            "recurringMetadata": {"frequency": {"unit": "Month", "value": "1"}, "amount": None},
            "paymentDetails": {"paymentIntent": intent, "chargeAmount": yen(amount)},
        }
        made = self.amazon.control("POST", "/checkout-sessions", {"payload": payload})
        got = self.amazon.api("GET", f"/checkoutSessions/{made['checkoutSessionId']}").json
        at = seconds(got["creationTimestamp"])
        session = Session(got["checkoutSessionId"], at, amount=amount, intent=intent)
        self.model.sessions.append(session)

    @rule(pick=PICK, act=st.sampled_from(["buyer", "buyer", "pay", "pay", "cancel"]))
    @precondition(lambda self: self.model.sessions)
    def buyer_in_checkout(self, pick: int, act: str) -> None:
        self._clear()
        session = self.model.sessions[pick % len(self.model.sessions)]
        body = {"card": "1111"} if act == "buyer" else {}
        got = self.amazon.control_raw("POST", f"/checkout-sessions/{session.id}/{act}", body)
        if session.state != "Open" or (act == "pay" and not session.has_buyer):
            assert 400 <= got.status < 500, got.raw
        elif act == "cancel":
            session.move("Canceled", "BuyerCanceled")
        else:
            session.is_approved = act == "pay" and got.status < 300
            session.has_buyer = True

    @rule(amount=AMOUNTS, intent=INTENTS)
    @precondition(lambda self: len(self._usable()) < 3)
    def whole_checkout(self, amount: int, intent: str) -> None:
        self.open_session(amount, intent)
        at = len(self.model.sessions) - 1
        for act in ("buyer", "pay"):
            self.buyer_in_checkout(at, act)
        self.complete(at, 0)

    @rule(pick=PICK, more=st.sampled_from([0, 0, 0, 1]))
    @precondition(lambda self: self.model.sessions)
    def complete(self, pick: int, more: int) -> None:
        self._clear()
        session = self.model.sessions[pick % len(self.model.sessions)]
        body = {"chargeAmount": yen(session.amount + more)}
        got = self.amazon.api("POST", f"/checkoutSessions/{session.id}/complete", body)
        if session.state != "Open" or not session.is_approved:
            codes = ("InvalidCheckoutSessionStatus", "CheckoutSessionCanceled", "ResourceNotFound")
            assert (got.status in (404, 422), got.reason in codes) == (True, True), got.raw
            return
        if more:
            return _refused(got, 409, "AmountMismatch")
        assert got.status == 200, got.raw
        session.move("Completed")
        permission = self._add_permission(got.json["chargePermissionId"], LIMIT, [])
        assert (got.json["chargeId"] is None) == (session.intent == "Confirm")
        if got.json["chargeId"] is not None:
            charge = self.amazon.api("GET", f"/charges/{got.json['chargeId']}")
            now = session.intent == "AuthorizeWithCapture"
            made = Got(201, charge.headers, charge.raw)
            self._opened(permission, made, session.amount, now, "ok")


def _refused(got: Got, status: int, reason: str) -> None:
    assert (got.status, got.reason) == (status, reason), got.raw


def test_random_operations_keep_to_the_state_machines(ready: dict[str, Any]) -> None:
    amazon = WireClient.of(ready)
    machine = settings(
        # Few and long: a state machine shows its faults late in a sequence.
        max_examples=max(settings().max_examples // 5, 5),
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: AmazonPay(amazon, ready["store_id"]), settings=machine)
    amazon.close()

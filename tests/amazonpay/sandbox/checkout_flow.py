"""A checkout without a browser, as the tests of the checkout room walk it."""

import uuid
from typing import Any

from wire_client import Got, WireClient, sign, yen

REVIEW = "https://shop.example.jp/review"
RESULT = "https://shop.example.jp/result?order=7"
CANCEL = "https://shop.example.jp/cancel"
MONTHLY = {"frequency": {"unit": "Month", "value": "1"}, "amount": yen(980)}


class Checkout:
    """One merchant and the buyers, over HTTP only."""

    def __init__(self, amazon: WireClient, store_id: str) -> None:
        self.amazon = amazon
        self.store_id = store_id

    def payload(self, **changes: Any) -> dict[str, Any]:
        """The least that a button signs, with changes; None takes a field out."""
        body: dict[str, Any] = {
            "webCheckoutDetails": {"checkoutReviewReturnUrl": REVIEW, "checkoutCancelUrl": CANCEL},
            "storeId": self.store_id,
        }
        return {k: v for k, v in (body | changes).items() if v is not None}

    def create(self, **changes: Any) -> Got:
        return self.amazon.api(
            "POST", "/checkoutSessions", self.payload(**changes), key=uuid.uuid4().hex
        )

    def button(self, product: str = "PayAndShip", **changes: Any) -> str:
        """The id of a session that was opened as by the signed button."""
        body = {"payload": self.payload(**changes), "productType": product}
        return str(self.amazon.control("POST", "/checkout-sessions", body)["checkoutSessionId"])

    def get(self, session: str) -> Any:
        return self.amazon.api("GET", f"/checkoutSessions/{session}").json

    def update(self, session: str, **body: Any) -> Got:
        return self.amazon.api("PATCH", f"/checkoutSessions/{session}", body)

    def buyer(self, session: str, **choice: Any) -> Any:
        return self.amazon.control("POST", f"/checkout-sessions/{session}/buyer", choice)

    def pay(self, session: str, **script: Any) -> Any:
        return self.amazon.control("POST", f"/checkout-sessions/{session}/pay", script)

    def complete(
        self, session: str, amount: int = 980, *, sim: str | None = None, **more: Any
    ) -> Got:
        body = {"chargeAmount": yen(amount), **more}
        return self.amazon.api("POST", f"/checkoutSessions/{session}/complete", body, sim=sim)

    def chosen(
        self,
        *,
        recurring: bool = True,
        amount: int = 980,
        intent: str = "AuthorizeWithCapture",
        card: str = "1111",
        pending: bool = False,
        product: str = "PayAndShip",
        payment: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A session whose buyer logged in and for which everything was set."""
        kind = {"chargePermissionType": "Recurring", "recurringMetadata": MONTHLY}
        session = self.button(product, **(kind if recurring else {}), **changes)
        self.buyer(session, card=card)
        details = {
            "paymentIntent": intent,
            "canHandlePendingAuthorization": pending,
            "chargeAmount": yen(amount),
            **(payment or {}),
        }
        web = {"checkoutResultReturnUrl": RESULT}
        got = self.update(session, webCheckoutDetails=web, paymentDetails=details)
        assert got.status == 200, got.raw
        return session

    def paid(self, **wishes: Any) -> str:
        """A session that is ready for Complete."""
        session = self.chosen(**wishes)
        self.pay(session)
        return session

    def order(self, amount: int = 3000, intent: str = "Confirm", **wishes: Any) -> dict[str, Any]:
        """A completed one-time checkout: the ids it led to."""
        session = self.paid(recurring=False, amount=amount, intent=intent, **wishes)
        got = self.complete(session, amount)
        assert got.status == 200, got.raw
        return {name: got.json[name] for name in ("chargePermissionId", "chargeId")}

    def permission(self, permission_id: str) -> Any:
        return self.amazon.api("GET", f"/chargePermissions/{permission_id}").json

    def state(self, permission_id: str) -> tuple[str, str | None]:
        """State and reason of a Charge Permission."""
        status = self.permission(permission_id)["statusDetails"]
        return status["state"], (status["reasons"] or [{"reasonCode": None}])[0]["reasonCode"]

    def get_with_query(self, path: str, query: str) -> Got:
        """A signed GET with a query string."""
        headers = {
            "accept": "application/json",
            "content-type": "application/json",
            "x-amz-pay-date": self.amazon.date,
            "x-amz-pay-host": "pay-api.amazon.jp",
            "x-amz-pay-region": "jp",
        }
        headers["authorization"] = sign(
            self.amazon.key,
            key_id=self.amazon.key_id,
            method="GET",
            path="/v2" + path,
            query=query,
            headers=headers,
            body=b"",
        )
        return self.amazon.send("GET", f"/v2{path}?{query}", headers, b"")

"""Checkouts for scenario tests: a buyer at the local Amazon Pay without a browser."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from support.shop import Shop

from amazonpay import (
    CompleteCheckoutSession,
    PaymentDetails,
    PaymentIntent,
    UpdateCheckoutSession,
    WebCheckoutDetails,
)
from billing import reading, writing
from billing.checkouts import (
    Checkout,
    Wanted,
    agree_checkout,
    begin_checkout,
    claim_completion,
    completion_key,
    session_amount_yen,
    sign_up_offer,
)

HANAKO = "hanako.yamada@example.jp"
REVIEW = "http://localhost:8000/my/join/return"
RESULT = "http://localhost:8000/my/join/result"


@dataclass
class CheckoutDesk:
    """Walks buyers of a shop through checkouts, up to the page that completes them."""

    shop: Shop
    begun: int = 0

    def agreed(
        self,
        plan: str = "basic",
        *,
        purpose: Any = "sign_up",
        wanted: Wanted | None = None,
        customer_id: int | None = None,
        email: str = HANAKO,
        approved: bool = True,
        card: str = "1111",
        at: datetime | None = None,
    ) -> Checkout:
        """A checkout that its buyer has agreed to, and approved at Amazon unless told otherwise."""
        merchant, at = self.shop.engine.merchant, at or self.shop.clock.now()
        self.begun += 1
        checkout_id = f"{self.begun:016x}" * 2  # a subscription is called by the first half
        session_id, buyer_id = self.session(email=email, card=card)
        wanted = wanted or Wanted(plan_code=plan)
        amount_yen = 1980
        if purpose == "sign_up":
            with reading(self.shop.database) as connection:
                offer = sign_up_offer(
                    connection,
                    merchant,
                    wanted=wanted,
                    subscription_id=f"my-{checkout_id[:16]}",
                    at=at,
                    buyer_id=buyer_id,
                )
            wanted, amount_yen = offer.wanted, session_amount_yen(offer)

        def agree(connection: Any) -> Checkout:
            begin_checkout(
                connection,
                merchant,
                checkout_id=checkout_id,
                session_id=session_id,
                purpose=purpose,
                browser_hash="b",
                buyer_id=buyer_id,
                wanted=wanted,
                amount_yen=amount_yen,
                language="ja",
                customer_id=customer_id,
                at=at,
            )
            return agree_checkout(
                connection,
                merchant,
                checkout_id=checkout_id,
                wanted=wanted,
                amount_yen=amount_yen,
                customer_id=customer_id,
                at=at,
            )

        found = writing(self.shop.database, agree)
        self._update(found)
        if approved:
            self.shop.amazon.call("POST", f"/checkout-sessions/{session_id}/pay", {})
        return found

    def completed(self, found: Checkout) -> str:
        """Amazon has completed it and we died before we booked it; the permission's id."""
        merchant = self.shop.engine.merchant
        writing(self.shop.database, lambda c: claim_completion(c, merchant, checkout_id=found.id))
        request, key = CompleteCheckoutSession(amount_yen=found.amount_yen), completion_key(found)
        with self.shop.engine.make_client() as client:
            session = client.complete_checkout_session(
                found.session_id, request, idempotency_key=key
            )
        assert session.charge_permission_id
        return session.charge_permission_id

    def session(self, *, email: str = HANAKO, card: str = "1111") -> tuple[str, str]:
        """An open session with its buyer: (session id, buyer id)."""
        payload = {
            "storeId": self.shop.amazon.store_id,
            "webCheckoutDetails": {"checkoutReviewReturnUrl": REVIEW},
            "chargePermissionType": "Recurring",
            "recurringMetadata": {"frequency": {"unit": "Month", "value": "1"}, "amount": None},
        }
        call = self.shop.amazon.call
        opened = call("POST", "/checkout-sessions", {"payload": payload, "productType": "PayOnly"})
        session_id = opened["checkoutSessionId"]
        path = f"/checkout-sessions/{session_id}/buyer"
        return session_id, call("POST", path, {"email": email, "card": card})["buyerId"]

    def _update(self, found: Checkout) -> None:
        details = PaymentDetails(
            payment_intent=PaymentIntent.CONFIRM, charge_amount_yen=found.amount_yen
        )
        request = UpdateCheckoutSession(
            payment_details=details,
            web_checkout_details=WebCheckoutDetails(checkout_result_return_url=RESULT),
        )
        with self.shop.engine.make_client() as client:
            client.update_checkout_session(found.session_id, request)

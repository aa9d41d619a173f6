"""Values of a Japanese subscription shop that every program of this folder sends."""

from typing import Any

from support.sandbox import Sandbox

YEN = "JPY"


def price(yen: int) -> dict[str, str]:
    """A price as api.md §3 has it."""
    return {"amount": str(yen), "currencyCode": YEN}


def session_payload(store_id: str) -> dict[str, Any]:
    """A recurring checkout of ¥1,980 a month."""
    return {
        "webCheckoutDetails": {"checkoutReviewReturnUrl": "https://shop.example/review"},
        "storeId": store_id,
        "chargePermissionType": "Recurring",
        "recurringMetadata": {
            "frequency": {"unit": "Month", "value": "1"},
            "amount": price(1980),
        },
        "scopes": ["name", "email", "billingAddress"],
    }


def session_update(yen: int, intent: str) -> dict[str, Any]:
    """What the review page sets before the buyer pays."""
    return {
        "webCheckoutDetails": {"checkoutResultReturnUrl": "https://shop.example/result"},
        "paymentDetails": {"paymentIntent": intent, "chargeAmount": price(yen)},
        "merchantMetadata": {
            "merchantReferenceId": "定期-0001",
            "merchantStoreName": "山のコーヒー",
            "noteToBuyer": "毎月お届けします",
        },
    }


def charge_body(permission_id: str, yen: int, *, capture: bool = True) -> dict[str, Any]:
    """A renewal."""
    return {
        "chargePermissionId": permission_id,
        "chargeAmount": price(yen),
        "captureNow": capture,
        "merchantMetadata": {"merchantReferenceId": "定期-0001/2"},
    }


def buyer_chooses(amazon: Sandbox, session_id: str) -> None:
    """The buyer logs in, chooses a card that works and consents."""
    amazon.call("POST", f"/checkout-sessions/{session_id}/buyer", {"card": "1111"})


def buyer_pays(amazon: Sandbox, session_id: str) -> None:
    """The buyer visits `amazonPayRedirectUrl`."""
    amazon.call("POST", f"/checkout-sessions/{session_id}/pay", {})

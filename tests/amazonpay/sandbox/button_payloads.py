"""What a shop signs for its buttons, and the fields that the button script then sends."""

import json
from functools import cache
from typing import Any

from wire_client import V2

from amazonpay.keys import PrivateKey, load_private_key
from amazonpay.signing import Algorithm, sign_payload

MONTHLY = {
    "frequency": {"unit": "Month", "value": "1"},
    "amount": {"amount": "1980", "currencyCode": "JPY"},
}


def recurring_payload(ready: dict[str, Any], shop_url: str, **more: Any) -> dict[str, Any]:
    """A button for a monthly plan of ¥1,980, review page and cancel page included."""
    return {
        "storeId": ready["store_id"],
        "webCheckoutDetails": {
            "checkoutReviewReturnUrl": f"{shop_url}/review",
            "checkoutCancelUrl": f"{shop_url}/cancelled",
        },
        "chargePermissionType": "Recurring",
        "recurringMetadata": MONTHLY,
        "merchantMetadata": {"merchantStoreName": "珈琲定期便"},
        **more,
    }


def one_page_payload(ready: dict[str, Any], shop_url: str, **more: Any) -> dict[str, Any]:
    """A button that pays on Amazon's page at once (additional payment button)."""
    return {
        "storeId": ready["store_id"],
        "webCheckoutDetails": {
            "checkoutMode": "ProcessOrder",
            "checkoutResultReturnUrl": f"{shop_url}/result",
        },
        "chargePermissionType": "Recurring",
        "recurringMetadata": MONTHLY,
        "paymentDetails": {
            "paymentIntent": "AuthorizeWithCapture",
            "chargeAmount": {"amount": "1980", "currencyCode": "JPY"},
        },
        "merchantMetadata": {"merchantStoreName": "珈琲定期便"},
        **more,
    }


def sign_in_payload(ready: dict[str, Any], shop_url: str, **more: Any) -> dict[str, Any]:
    """A sign-in button that asks for name and e-mail; its return address has a query already."""
    return {
        "signInReturnUrl": f"{shop_url}/signed-in?from=header",
        "storeId": ready["store_id"],
        "signInScopes": ["name", "email"],
        "signInCancelUrl": f"{shop_url}/cancelled",
        **more,
    }


@cache
def _key(path: str) -> PrivateKey:
    with open(path, "rb") as file:
        return load_private_key(file.read())


def signed(ready: dict[str, Any], payload: dict[str, Any] | str, *, algorithm: str = V2) -> str:
    """The signature of a payload, made with the product's own client."""
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    key = _key(ready["private_key_file"])
    return sign_payload(private_key=key, algorithm=Algorithm(algorithm), payload=text)


def button_fields(
    ready: dict[str, Any], payload: dict[str, Any] | str, *, algorithm: str = V2, **more: str
) -> dict[str, str]:
    """The form fields of a click on a button."""
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    return {
        "merchantId": ready["merchant_id"],
        "publicKeyId": ready["public_key_id"],
        "payloadJSON": text,
        "signature": signed(ready, text, algorithm=algorithm),
        "algorithm": algorithm,
        **more,
    }

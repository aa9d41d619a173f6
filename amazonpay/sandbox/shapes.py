"""The JSON that Amazon Pay Japan answers: exact key order, explicit nulls (api.md §7–§9)."""

import json
from typing import Any

from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.instants import LATEST_MS, compact
from amazonpay.sandbox.options import DAY_MS, Environment
from amazonpay.sandbox.rows import Charge, Permission, Refund

RELEASE: dict[Environment, str] = {"sandbox": "Sandbox", "live": "Live"}
_BUYER_KEPT_MS = 30 * DAY_MS
# Of a permission that was made without a checkout, for a buyer of whom nothing else is known.
ANONYMOUS: Json = {
    "buyer": {"name": "テスト 太郎", "email": "buyer@example.com", "phoneNumber": "0300000000"},
    "paymentDescriptor": "Visa ****1111 (Amazon Pay)",
}
_SOFT_DESCRIPTOR = "AMZ*Test Store"


def encode(payload: Json) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def price(yen: int) -> Json:
    """`{"amount": "500", "currencyCode": "JPY"}`."""
    return {"amount": str(yen), "currencyCode": "JPY"}


def _status(row: Charge | Refund) -> Json:
    return {
        "state": row.state,
        "reasonCode": row.reason_code,
        "reasonDescription": row.reason_description,
        "lastUpdatedTimestamp": compact(row.changed_at),
    }


def charge(row: Charge, environment: Environment) -> Json:
    """A Charge as Get Charge answers it."""
    details: dict[str, Any] = json.loads(row.details)
    captured = row.state == "Captured" and row.capture_amount is not None
    return {
        "chargeId": row.id,
        "chargeAmount": price(row.amount),
        "chargePermissionId": row.permission_id,
        "captureAmount": price(row.capture_amount or 0) if captured else None,
        "refundedAmount": price(row.refunded) if captured else None,
        "softDescriptor": _SOFT_DESCRIPTOR if captured else None,
        "providerMetadata": {"providerReferenceId": details["providerReferenceId"]},
        "convertedAmount": None,
        "conversionRate": None,
        "channel": details["channel"],
        "chargeInitiator": details["chargeInitiator"],
        "statusDetails": _status(row),
        "creationTimestamp": compact(row.created_at),
        "expirationTimestamp": compact(row.expires_at),
        "releaseEnvironment": RELEASE[environment],
        "merchantMetadata": details["merchantMetadata"],
        "platformId": details["platformId"],
        "webCheckoutDetails": details["webCheckoutDetails"],
    }


def refund(row: Refund, environment: Environment) -> Json:
    """A Refund as Get Refund answers it."""
    return {
        "refundId": row.id,
        "chargeId": row.charge_id,
        "creationTimestamp": compact(row.created_at),
        "refundAmount": price(row.amount),
        "statusDetails": _status(row),
        "softDescriptor": _SOFT_DESCRIPTOR,
        "releaseEnvironment": RELEASE[environment],
    }


def permission(row: Permission, environment: Environment, *, balance_yen: int, now: int) -> Json:
    """A Charge Permission as Get Charge Permission answers it."""
    details: Json = ANONYMOUS if row.details == "{}" else ANONYMOUS | json.loads(row.details)
    hidden = _is_forgotten(row, now)
    nulls = details.get("nulls", ())
    limits = {"amountLimit": price(row.amount_limit), "amountBalance": price(balance_yen)}
    return {
        "chargePermissionId": row.id,
        "chargePermissionReferenceId": None,
        "chargePermissionType": row.kind,
        "recurringMetadata": None if row.recurring is None else json.loads(row.recurring),
        "platformId": details.get("platformId"),
        "buyer": None if hidden else buyer(row.buyer_id, details["buyer"]),
        "shippingAddress": None if hidden else details.get("shippingAddress"),
        "billingAddress": None if hidden else details.get("billingAddress"),
        "paymentPreferences": [{"paymentDescriptor": details["paymentDescriptor"]}],
        "statusDetails": {
            "state": row.state,
            "reasons": _reasons(row),
            "lastUpdatedTimestamp": compact(row.changed_at),
        },
        "creationTimestamp": compact(row.created_at),
        "expirationTimestamp": None if row.expires_at == LATEST_MS else compact(row.expires_at),
        "merchantMetadata": json.loads(row.metadata),
        "releaseEnvironment": RELEASE[environment],
        "limits": None if "limits" in nulls else limits,
        "presentmentCurrency": "JPY",
    }


def buyer(buyer_id: str, known: Json) -> Json:
    """A buyer with what is known of name, e-mail and phone."""
    return {
        "buyerId": buyer_id,
        "name": known.get("name"),
        "email": known.get("email"),
        "phoneNumber": known.get("phoneNumber"),
        "primeMembershipTypes": None,
    }


def _is_forgotten(row: Permission, now: int) -> bool:
    """Buyer data are kept thirty days: from creation, recurring from closing (api.md §7)."""
    if row.kind == "OneTime":
        return now >= row.created_at + _BUYER_KEPT_MS
    return row.state == "Closed" and now >= row.changed_at + _BUYER_KEPT_MS


def _reasons(row: Permission) -> list[Json] | None:
    if row.reason_code is None:
        return None
    return [{"reasonCode": row.reason_code, "reasonDescription": row.reason_description}]

"""Messages in the form of the old API (CV1): JSON around an XML text (ipn.md §9).

The XML holds the ids, the amount and the state, which is what CV1 told; receivers that were made
for CV2 use the id only. The name of the agreements' own type is uncertain.
"""

import json
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from amazonpay.sandbox.control_input import Json

_NAMESPACE: Final = "https://mws.amazonservices.com/ipn/OffAmazonPayments/2013-01-01"


@dataclass(frozen=True, slots=True)
class _Form:
    """How one type of object is told: type name, root and detail elements, id element."""

    notification_type: str
    root: str
    details: str
    id_tag: str


_BY_TYPE: Final = {
    "CHARGE": _Form("PaymentCapture", "CaptureNotification", "CaptureDetails", "AmazonCaptureId"),
    "REFUND": _Form("PaymentRefund", "RefundNotification", "RefundDetails", "AmazonRefundId"),
    "CHARGEBACK": _Form(
        "ChargebackDetailedNotification",
        "ChargebackNotification",
        "ChargebackDetails",
        "AmazonChargebackId",
    ),
}
_AGREEMENT: Final = _Form(
    "BillingAgreementNotification",
    "BillingAgreementNotification",
    "BillingAgreement",
    "AmazonBillingAgreementId",
)
_ORDER: Final = _Form(
    "OrderReferenceNotification",
    "OrderReferenceNotification",
    "OrderReference",
    "AmazonOrderReferenceId",
)


def cv1_message(
    *, object_type: str, object_id: str, reference: str, merchant_id: str, environment: str, at: str
) -> Json:
    """The members of a CV1 message; `at` is ISO 8601 and `reference` identifies the message."""
    form = _form(object_type, object_id)
    return {
        "NotificationReferenceId": reference,
        "NotificationType": form.notification_type,
        "SellerId": merchant_id,
        "ReleaseEnvironment": environment.capitalize(),
        "Version": "2013-01-01",
        "NotificationData": _xml(form, object_id, at),
        "Timestamp": at,
    }


def _form(object_type: str, object_id: str) -> _Form:
    if object_type in _BY_TYPE:
        return _BY_TYPE[object_type]
    return _AGREEMENT if object_id[:1] in ("B", "C") else _ORDER


def _xml(form: _Form, object_id: str, at: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<{form.root} xmlns="{_NAMESPACE}"><{form.details}>'
        f"<{form.id_tag}>{escape(object_id)}</{form.id_tag}>"
        f"<LastUpdateTimestamp>{escape(at)}</LastUpdateTimestamp>"
        f"</{form.details}></{form.root}>"
    )


def dump(value: Json) -> str:
    """Compact JSON as Amazon Pay writes messages, other letters than ASCII as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

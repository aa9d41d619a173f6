"""Refunds by the protocol of charges: intend, send, record; nothing is given back twice.

    request ─► refund rows (intended) ─► claim ─► send ─► record ─► refunded | declined
                                          ▲                 │
                                          └── in doubt, pending: same key, or asked about

Other rooms use what `billing` exports of it.
"""

from billing.refunds.by_hand import PaidByHand, end_late_refund, past_amazons_count
from billing.refunds.claiming import claim_refunds, workers_with_open_refunds
from billing.refunds.outcome import OpenRefund, RefundOutcome, RefundOutcomeKind
from billing.refunds.recording import record_refunds
from billing.refunds.refundable import RefundableCharge, refundable_charges, spread_refund
from billing.refunds.remedies import refund_remedy
from billing.refunds.requesting import RefundRequest, request_refund
from billing.refunds.returned_tax import TaxPart
from billing.refunds.sending import send_refund
from billing.refunds.stored import StoredRefund, refunds_of_request, refunds_of_slot

__all__ = [
    "OpenRefund",
    "PaidByHand",
    "RefundOutcome",
    "RefundOutcomeKind",
    "RefundRequest",
    "RefundableCharge",
    "StoredRefund",
    "TaxPart",
    "claim_refunds",
    "end_late_refund",
    "past_amazons_count",
    "record_refunds",
    "refund_remedy",
    "refundable_charges",
    "refunds_of_request",
    "refunds_of_slot",
    "request_refund",
    "send_refund",
    "spread_refund",
    "workers_with_open_refunds",
]

"""Refunds of the back office: small ones at once, large ones when a second person agrees.

    asked ─► within the limit ─────────────────────► refund
       └───► above it ─► waiting ─► approved by another person ─► refund
                            └─► declined, withdrawn, expired after 24 hours: nothing moves

Both ways end in the one function that makes refunds, under the id of the request.
"""

from billing.approvals.rule import KEPT_FOR, ApprovalRefused, needs_second_person
from billing.approvals.store import (
    Approval,
    UnknownApproval,
    approvals_of_charge,
    decide_approval,
    give_back,
    list_approvals,
    load_approval,
)

__all__ = [
    "KEPT_FOR",
    "Approval",
    "ApprovalRefused",
    "UnknownApproval",
    "approvals_of_charge",
    "decide_approval",
    "give_back",
    "list_approvals",
    "load_approval",
    "needs_second_person",
]

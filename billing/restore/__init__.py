"""Books that were taken back from a backup: what Amazon knows that they lost, and who ends it."""

from billing.restore.coverage import (
    BEFORE,
    Span,
    lost_time,
    missing_controls,
    unproved,
    why_not_covered,
)
from billing.restore.lost_charges import (
    Compared,
    OpenSlot,
    bring_forward,
    lost_slots,
    permissions_to_compare,
    slots_of_references,
    told_charge_ids,
    unknown_charge_ids,
)
from billing.restore.lost_refunds import (
    RefundedCharge,
    book_again,
    charges_to_compare,
    request_of,
    told_refund_ids,
    unknown_refund_ids,
)
from billing.restore.reopened_doubts import name_refund, rest_doubts
from billing.restore.reopening import reopen, what_is_unproved
from billing.restore.restoration import (
    Restoration,
    begin_restoration,
    last_restoration,
    newest_moment,
    note_reconciled,
)
from billing.restore.sent_marks import SentMark, is_known, newest_sent

__all__ = [
    "BEFORE",
    "Compared",
    "OpenSlot",
    "RefundedCharge",
    "Restoration",
    "SentMark",
    "Span",
    "begin_restoration",
    "book_again",
    "bring_forward",
    "charges_to_compare",
    "is_known",
    "last_restoration",
    "lost_slots",
    "lost_time",
    "missing_controls",
    "name_refund",
    "newest_moment",
    "newest_sent",
    "note_reconciled",
    "permissions_to_compare",
    "reopen",
    "request_of",
    "rest_doubts",
    "slots_of_references",
    "told_charge_ids",
    "told_refund_ids",
    "unknown_charge_ids",
    "unknown_refund_ids",
    "unproved",
    "what_is_unproved",
    "why_not_covered",
]

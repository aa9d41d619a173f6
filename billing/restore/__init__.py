"""Books that were taken back from a backup: what Amazon knows that they lost, and who ends it."""

from billing.restore.lost_charges import (
    Compared,
    OpenSlot,
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
from billing.restore.restoration import (
    Restoration,
    begin_restoration,
    last_restoration,
    newest_moment,
    note_reconciled,
    reopen,
)
from billing.restore.sent_marks import SentMark, is_known, newest_sent

__all__ = [
    "Compared",
    "OpenSlot",
    "RefundedCharge",
    "Restoration",
    "SentMark",
    "begin_restoration",
    "book_again",
    "charges_to_compare",
    "is_known",
    "last_restoration",
    "lost_slots",
    "newest_moment",
    "newest_sent",
    "note_reconciled",
    "permissions_to_compare",
    "reopen",
    "request_of",
    "slots_of_references",
    "told_charge_ids",
    "told_refund_ids",
    "unknown_charge_ids",
    "unknown_refund_ids",
]

"""The kinds of notices, whom each one concerns, and what its words may mention.

A kind that is not listed here goes to the merchant's staff: nothing is lost because somebody
forgot to say whose it is.
"""

from dataclasses import dataclass

from plans import BadInput

__all__ = ["CUSTOMER", "KINDS", "STAFF", "NoticeKind", "kind_of", "known_kind"]

CUSTOMER, STAFF = "customer", "staff"

ALWAYS = ("name", "customer", "subscription", "plan", "seller", "day", "kind")
OF_A_CHARGE = ("amount", "lines", "part", "reference", "buyer_link")
OF_A_FAILURE = (*OF_A_CHARGE, "reason", "code", "next_try")


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """One kind: who is told by mail, and the placeholders its words may use."""

    code: str
    audience: str
    placeholders: tuple[str, ...]


def _kind(code: str, audience: str, *placeholders: str) -> NoticeKind:
    return NoticeKind(code, audience, (*ALWAYS, *placeholders))


KINDS: dict[str, NoticeKind] = {
    kind.code: kind
    for kind in (
        _kind(
            "upcoming", CUSTOMER, "amount", "lines", "part", "charge_day", "deadline", "buyer_link"
        ),
        _kind("charged", CUSTOMER, *OF_A_CHARGE, "tax"),
        _kind("failed", CUSTOMER, *OF_A_FAILURE),
        _kind("payment_method_needed", CUSTOMER, *OF_A_FAILURE),
        _kind("change_declined", CUSTOMER, *OF_A_FAILURE),
        _kind("one_off_declined", CUSTOMER, *OF_A_FAILURE),
        _kind("cap_moved", CUSTOMER, *OF_A_FAILURE),
        _kind("refunded", CUSTOMER, "amount", "reference"),
        _kind("paused", CUSTOMER, *OF_A_FAILURE, "until"),
        _kind("skipped", CUSTOMER, "until"),
        _kind("resumed", CUSTOMER),
        _kind("cancel_scheduled", CUSTOMER),
        _kind("canceled", CUSTOMER, *OF_A_FAILURE, "fee"),
        _kind("price_change", CUSTOMER, "old_amount", "new_amount"),
        _kind("price_stays", CUSTOMER, "old_amount", "new_amount"),
        _kind("signed_up", CUSTOMER, "amount", "charge_day", "regular", "every", "buyer_link"),
        _kind("sign_in_link", CUSTOMER, "link"),
        _kind("amazon_linked", CUSTOMER),
        _kind("cap_refused", STAFF, *OF_A_FAILURE),
        _kind("permission_unknown", STAFF, *OF_A_FAILURE),
        _kind("permission_closed", STAFF, "code"),
        _kind("permission_suspended", STAFF, "code"),
        _kind("permission_expires", STAFF, "lapses"),
        _kind("limit_lowered", STAFF, "limit"),
        _kind("quarantined", STAFF, *OF_A_FAILURE),
        _kind("refund_declined", STAFF, "amount", "reference", "reason", "code", "remedy"),
        _kind("refund_quarantined", STAFF, "amount", "reference", "reason", "code", "remedy"),
        _kind("refund_by_hand", STAFF, "amount"),
        _kind("returned_too_much", STAFF, "amount", "reference", "code"),
        _kind("shipment_overdue", STAFF, *OF_A_FAILURE),
        _kind("webhook_disabled", STAFF, "code"),
        _kind("passkey_added", STAFF, "code"),
        _kind("passkey_removed", STAFF, "code"),
        _kind("passkey_copied", STAFF, "code"),
        _kind("other", STAFF, *OF_A_FAILURE),
    )
}

OTHER = "other"


def kind_of(code: str) -> NoticeKind:
    """The kind of a code; `other`, for the staff, when nobody listed it."""
    return KINDS.get(code, KINDS[OTHER])


def known_kind(code: str) -> NoticeKind:
    """The kind of a code; raises BadInput for one that does not exist."""
    found = KINDS.get(code)
    if found is None:
        raise BadInput(
            field="kind",
            value=code,
            rule="is no kind of notice",
            remedy="use one of " + ", ".join(sorted(KINDS)),
        )
    return found

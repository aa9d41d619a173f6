"""What answers mean for a charge that Amazon authorises first: it waits for its shipment.

Authorised is not paid: the room stays held, the invoice open, the ledger as it was. An
authorisation ends by its capture, or without money: cancelled by us, or gone at Amazon.
"""

from datetime import datetime, timedelta

from billing.charging.record_cases import Case
from billing.charging.record_work import Work, attempt_row, slot_row
from billing.store.events import event_row

# Amazon may end an authorisation without telling us, so each is looked at once a day.
WATCH_EVERY = timedelta(days=1)
LAPSED = "ExpiredUnused"


def authorized(case: Case, work: Work) -> None:
    """Amazon holds the money for us until `lapses_at`; nothing is taken yet."""
    at, attempt = work.at, case.attempt
    work.attempts.append(
        attempt_row(
            case,
            work,
            state="authorized",
            authorized_yen=attempt["amount_yen"],
            lapses_at=_lapses_at(case, work),
            look_at=at + WATCH_EVERY,
        )
    )
    work.slots.append(slot_row(case, state="authorized", reason=None))
    owner = case.subscription
    if owner["state"] == "past_due" and case.agreement is None:
        # The declines are over; that the cycle is paid is said by the capture alone.
        reason = f"cycle {owner['next_cycle']} is authorised"
        work.events.append(event_row(owner, at=at, kind="recovered", state="active", reason=reason))
        names = ("id", "next_cycle", "cycles_done", "due_at")
        work.subscriptions.append({name: owner[name] for name in names} | {"state": "active"})


def _lapses_at(case: Case, work: Work) -> datetime:
    """Amazon's date, or the merchant's rule where that is sooner: sandboxes tell 30 days."""
    ours: datetime = work.at + timedelta(days=work.merchant.authorization_days)
    theirs = case.outcome.lapses_at
    return ours if theirs is None else min(ours, theirs)


def still_authorized(case: Case, work: Work, *, look_at: datetime) -> None:
    """Nothing new is known; look again later."""
    attempt = case.attempt
    kept = {"charge_id": attempt["charge_id"], "sends": attempt["sends"]}
    work.attempts.append(attempt_row(case, work, state="authorized", look_at=look_at, **kept))


def ended_without_money(case: Case, work: Work) -> None:
    """A definite end of the attempt; what Amazon had authorised before is `canceled`."""
    if case.attempt["authorized_yen"] is None:
        work.attempts.append(attempt_row(case, work, state="declined", answered_at=work.at))
        work.released.append(case.attempt["id"])
        return
    charge_id = case.attempt["charge_id"]
    work.attempts.append(
        attempt_row(case, work, state="canceled", answered_at=work.at, charge_id=charge_id)
    )
    work.canceled.append(case.attempt["id"])


def released(case: Case, work: Work) -> None:
    """The authorisation is gone and nobody is to blame: cancelled by us, or too old.

    While the invoice is still to be paid the slot is due again, as a new attempt with a key of
    its own. Otherwise it ends with the agreement.
    """
    ended_without_money(case, work)
    stopped = case.subscription["state"] == "canceled"
    if case.invoice["state"] == "open" and not stopped:
        work.slots.append(slot_row(case, state="due", due_at=work.at, reason="authorise again"))
        return
    withdrawn = case.invoice["state"] == "void"
    reason = "not shipped" if withdrawn else "the agreement ended before the shipment"
    work.slots.append(slot_row(case, state="uncollectible", reason=reason, settled_at=work.at))
    if case.invoice["state"] == "open":
        work.unpaid.append(case.invoice)

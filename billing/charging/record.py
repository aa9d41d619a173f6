"""Records outcomes: attempt, slot, invoice, cycle, cap, ledger and notices in one transaction.

Many outcomes are recorded together. An attempt that somebody else settled meanwhile (its lease
had run out and a replay was quicker) is left as it is: both saw the same answer to the same key.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from billing.agreements.reports import ReportKind, book_reports
from billing.books import ledger
from billing.books.write_off import write_off
from billing.cap.verdict import WORTH_TELLING
from billing.charging.declining import load_declines
from billing.charging.outcome import Outcome, OutcomeKind
from billing.charging.record_authorized import (
    LAPSED,
    WATCH_EVERY,
    authorized,
    released,
    still_authorized,
)
from billing.charging.record_cases import Case, load_cases
from billing.charging.record_declined import KEPT_OPEN_DAYS, call_off, declined
from billing.charging.record_work import Work, attempt_row, slot_row, write_work
from billing.charging.settle import next_cycle_row
from billing.dates import (
    certain_from,
    charge_instant,
    civil_date,
    first_of_next_month,
    possible_months,
)
from billing.protocol.checkpoints import reached
from billing.protocol.recording import cannot_be_recorded, record_together
from billing.store.database import writing
from billing.store.events import event_row
from billing.store.merchants import Merchant
from billing.store.notices import notice_row

log = logging.getLogger(__name__)

UNSETTLED = frozenset({"intended", "in_doubt", "pending"})
# Waits before the same key is tried again, by how often it was sent; then every hour.
REPLAY_MINUTES = (1, 2, 5, 10, 30)
POLL_EVERY = timedelta(hours=1)
# The longest that a charge may stay pending before a person looks (an authorisation takes 24 h).
PENDING_AT_MOST = timedelta(days=30)
# The longest that a charge of ours may be in a state that we have no word for, counted from its
# intent; one that was authorised may have waited for its shipment until then.
WORDLESS_AT_MOST = timedelta(days=3)
THROTTLE_WAIT = timedelta(seconds=2)


def record_outcomes(
    engine: Engine, merchant: Merchant, outcomes: Sequence[Outcome], *, at: datetime
) -> None:
    """Write what calls to Amazon meant; safe to call twice with the same outcomes.

    One outcome that cannot be written does not keep the others from being written: its slot is
    set aside for a person, with its room held.
    """
    if not outcomes:
        return
    reached("charge.before_record")
    record_together(
        outcomes,
        write=lambda some: writing(engine, lambda c: record_in(c, merchant, some, at=at)),
        set_aside=lambda outcome, error: _set_aside(engine, merchant, outcome, error, at),
    )
    reached("charge.recorded")


def _set_aside(
    engine: Engine, merchant: Merchant, outcome: Outcome, error: Exception, at: datetime
) -> None:
    """Quarantine a slot whose outcome cannot be recorded; what Amazon said stays in the detail."""
    log.critical("outcome of attempt %d cannot be recorded", outcome.attempt.id, exc_info=error)
    said = f"{outcome.kind} ({outcome.charge_id or outcome.reason_code})"
    detail = cannot_be_recorded(said, error)
    contradiction = replace(outcome, kind=OutcomeKind.CONTRADICTION, detail=detail)
    writing(engine, lambda c: record_in(c, merchant, [contradiction], at=at))


def record_in(
    connection: Connection, merchant: Merchant, outcomes: Sequence[Outcome], *, at: datetime
) -> None:
    """Write outcomes in the caller's transaction; the permissions are locked here, in order."""
    cases = load_cases(connection, outcomes)
    work = Work(merchant, at, load_declines(connection, merchant, cases, at=at))
    for case in cases:
        if case.attempt["state"] in UNSETTLED:
            _handle(case, work)
        elif case.attempt["state"] == "authorized":
            _handle_authorized(case, work)
        elif _contradicts_what_was_recorded(case):
            _set_slot_aside(case, work)
    write_work(connection, work)
    write_off(
        connection,
        merchant,
        work.unpaid,
        reason="the agreement ended before the shipment",
        at=at,
    )
    book_reports(connection, merchant, work.reports, at=at)


def _contradicts_what_was_recorded(case: Case) -> bool:
    """A second answer to one key says money moved where the first said no.

    That Amazon keeps a refusal under its key is not documented; if it does not, a replay that
    overtakes another may be told two things. The slot must not be charged a second time. Of a
    charge that was authorised first, an older saved answer is no contradiction; nor is "it is being
    worked on" of the very charge that was declined since, told late by a process that was frozen.
    """
    kind = case.outcome.kind
    of_the_same = case.outcome.charge_id == case.attempt["charge_id"] is not None
    if of_the_same and kind in (OutcomeKind.AUTHORIZED, OutcomeKind.PENDING):
        return False
    if case.attempt["state"] == "canceled":
        return kind is OutcomeKind.CAPTURED
    refused = case.attempt["state"] in ("declined", "refused")
    return refused and kind in (
        OutcomeKind.CAPTURED,
        OutcomeKind.AUTHORIZED,
        OutcomeKind.PENDING,
    )


def _set_slot_aside(case: Case, work: Work) -> None:
    charge_id = case.outcome.charge_id
    log.critical("attempt %d was refused and now is charge %s", case.attempt["id"], charge_id)
    reason = f"charge {charge_id} after a refusal"
    work.slots.append(slot_row(case, state="quarantined", reason=reason))
    work.notices.append(notice_row(case.slot, kind="quarantined", at=work.at, reason=reason))


def _handle(case: Case, work: Work) -> None:
    match case.outcome.kind:
        case OutcomeKind.CAPTURED:
            _captured(case, work)
        case OutcomeKind.AUTHORIZED:
            authorized(case, work)
        case OutcomeKind.RELEASED:
            released(case, work)
        case OutcomeKind.DECLINED:
            declined(case, work)
        case OutcomeKind.CAP_REFUSED:
            _cap_refused(case, work)
        case OutcomeKind.CONTRADICTION:
            _contradiction(case, work)
        case OutcomeKind.PENDING:
            _pending(case, work)
        case OutcomeKind.UNKNOWN if _waited_enough(case, work, wordless=WORDLESS_AT_MOST):
            _contradiction(case, work, reason="unknown_too_long", charge_id=case.outcome.charge_id)
        case OutcomeKind.UNKNOWN:
            minutes = REPLAY_MINUTES[min(case.attempt["sends"], len(REPLAY_MINUTES) - 1)]
            state = "pending" if case.attempt["state"] == "pending" else "in_doubt"
            _still_open(case, work, state=state, look_at=work.at + timedelta(minutes=minutes))
        case OutcomeKind.THROTTLED | OutcomeKind.MISCONFIGURED:
            # Nothing happened at Amazon: no attempt is used up, the same key goes again.
            state = case.attempt["state"]
            _still_open(case, work, state=state, look_at=work.at + THROTTLE_WAIT)


def _handle_authorized(case: Case, work: Work) -> None:
    """An answer about a charge that waits for its shipment: from a capture, a cancellation, or a
    look at it. A late replay of Create Charge brings its first answer again and changes nothing."""
    match case.outcome.kind:
        case OutcomeKind.CAPTURED:
            _captured(case, work)
        case OutcomeKind.RELEASED:
            released(case, work)
        case OutcomeKind.DECLINED if case.outcome.reason_code == LAPSED:
            released(case, work)
        case OutcomeKind.DECLINED:
            declined(case, work)
        case OutcomeKind.CONTRADICTION:
            _contradiction(case, work)
        case OutcomeKind.AUTHORIZED | OutcomeKind.PENDING:
            still_authorized(case, work, look_at=work.at + WATCH_EVERY)
        case OutcomeKind.UNKNOWN if _waited_enough(case, work, wordless=PENDING_AT_MOST):
            _contradiction(case, work, reason="unknown_too_long")
        case _:
            still_authorized(case, work, look_at=work.at + POLL_EVERY)


def _waited_enough(case: Case, work: Work, *, wordless: timedelta) -> bool:
    """Whether a charge that has an id at Amazon was unknown for so long that a person is asked.

    Its key never rests, for it is asked about and not sent: without this nobody would ever look.
    Amazon may be away for long, so what cannot be read waits as long as what is pending.
    """
    age: timedelta = work.at - case.attempt["intended_at"]
    if case.outcome.charge_id is not None:
        return age > wordless
    return case.attempt["charge_id"] is not None and age > PENDING_AT_MOST


def _pending(case: Case, work: Work) -> None:
    """Amazon works on it. After 30 days nobody waits any longer: a person asks Amazon."""
    if work.at - case.attempt["intended_at"] > PENDING_AT_MOST:
        ours = case.outcome.charge_id or case.attempt["charge_id"]
        _contradiction(case, work, reason="pending_too_long", charge_id=ours)
        return
    _still_open(case, work, state="pending", look_at=work.at + POLL_EVERY)


def _still_open(case: Case, work: Work, *, state: str, look_at: datetime) -> None:
    charge_id = case.outcome.charge_id or case.attempt["charge_id"]
    work.attempts.append(attempt_row(case, work, state=state, look_at=look_at, charge_id=charge_id))


def _captured(case: Case, work: Work) -> None:
    merchant, at, slot, invoice = work.merchant, work.at, case.slot, case.invoice
    taken = case.outcome.captured_yen
    whole = taken is None or taken == slot["amount_yen"]
    if invoice["state"] != "open" or not whole:
        # Money for an invoice that was given up or paid otherwise, or another sum than is owed:
        # a person returns or books it.
        _contradiction(case, work)
        return
    charge_id = case.outcome.charge_id
    if charge_id is None:
        raise AssertionError("a captured outcome without a charge id")
    work.attempts.append(
        attempt_row(case, work, state="captured", answered_at=at, amount_yen=slot["amount_yen"])
    )
    work.slots.append(slot_row(case, state="paid", reason=None, settled_at=at))
    work.captured.append(case.attempt["id"])
    work.journals.append(
        ledger.charge_captured(
            merchant_id=merchant.id,
            invoice_id=invoice["id"],
            charge_id=charge_id,
            on=civil_date(at=at, timezone=merchant.timezone),
            amount_yen=slot["amount_yen"],
        )
    )
    work.notices.append(notice_row(slot, kind="charged", at=at))
    paid_yen = invoice["paid_yen"] + slot["amount_yen"]
    paid = paid_yen == invoice["total_yen"] - invoice["offset_yen"]
    state = "paid" if paid else invoice["state"]
    work.invoices.append({"id": invoice["id"], "paid_yen": paid_yen, "state": state})
    if case.is_one_off:
        return  # it says nothing about the cycle that runs
    if paid and case.agreement is not None:
        work.reports.append(case.report(ReportKind.PAID))
    elif paid:
        _advance(case, work)


def _advance(case: Case, work: Work) -> None:
    """The cycle is settled: its number goes up by one and the next one gets its date."""
    owner = case.subscription
    work.subscriptions.append(next_cycle_row(owner, case.terms, work.merchant))
    if owner["state"] in ("trialing", "past_due", "pending"):
        kind = "trial_ended" if owner["state"] == "trialing" else "recovered"
        reason = f"cycle {owner['next_cycle']} is paid"
        work.events.append(event_row(owner, at=work.at, kind=kind, state="active", reason=reason))


def _cap_refused(case: Case, work: Work) -> None:
    """Our view of the cap was too high: learn Amazon's figures, then plan again."""
    merchant, at, slot, outcome = work.merchant, work.at, case.slot, case.outcome
    work.attempts.append(attempt_row(case, work, state="refused", answered_at=at))
    work.released.append(case.attempt["id"])
    if case.is_now_or_never:
        call_off(case, work, "cap")
        return
    balance = outcome.balance_yen
    if outcome.limit_yen is not None:
        work.permissions.append({"id": slot["permission_id"], "limit": outcome.limit_yen})
    months = possible_months(at=case.attempt["intended_at"], timezone=merchant.timezone)
    if len(months) > 1:
        # Which of the two months refused is not known: look again when only one can count.
        due_at = certain_from(months[-1], timezone=merchant.timezone)
    elif balance is not None and balance < slot["amount_yen"]:
        work.balances.append((case.attempt["id"], slot["permission_id"], balance))
        due_at = at
    else:
        due_at = _another_day(merchant, at)
    moves = slot["cap_moves"] + 1
    work.slots.append(slot_row(case, state="due", due_at=due_at, cap_moves=moves, reason="cap"))
    if len(months) > 1 and due_at - at < WORTH_TELLING:
        return
    work.notices.append(
        notice_row(slot, kind="cap_moved", at=at, reason="cap", next_try_at=due_at, step=moves)
    )


def _another_day(merchant: Merchant, at: datetime) -> datetime:
    """Amazon's figures do not explain the refusal: on the 1st the reset may still be to come."""
    on = civil_date(at=at, timezone=merchant.timezone)
    later = on + timedelta(days=1) if on.day == 1 else first_of_next_month(on)
    return charge_instant(on=later, timezone=merchant.timezone, hour=merchant.charge_hour)


def _contradiction(
    case: Case, work: Work, *, reason: str | None = None, charge_id: str | None = None
) -> None:
    """No rule covers this answer: the slot is set aside for a person, its room stays held."""
    far = work.at + timedelta(days=KEPT_OPEN_DAYS)
    # A foreign charge's id stays in the detail: as ours it could clash with its true owner's.
    ours = charge_id or case.attempt["charge_id"]
    work.attempts.append(attempt_row(case, work, state="in_doubt", look_at=far, charge_id=ours))
    told = reason or case.outcome.reason_code or "contradiction"
    work.slots.append(slot_row(case, state="quarantined", reason=told))
    work.notices.append(notice_row(case.slot, kind="quarantined", at=work.at, reason=told))

"""Records outcomes: attempt, slot, invoice, cycle, cap, ledger and notices in one transaction.

Many outcomes are recorded together. An attempt that somebody else settled meanwhile (its lease
had run out and a replay was quicker) is left as it is: both saw the same answer to the same key.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, update
from sqlalchemy.exc import OperationalError

from billing import ledger
from billing.agreements.reports import Report, ReportKind, book_reports
from billing.cap_room import learn_balance, settle_holds
from billing.checkpoints import reached
from billing.database import writing
from billing.dates import (
    certain_from,
    charge_instant,
    civil_date,
    first_of_next_month,
    possible_months,
)
from billing.dunning import DunningStep, NextStep, after_decline
from billing.events import event_row
from billing.merchants import Merchant
from billing.notices import notice_row, write_notices
from billing.outcome import Outcome, OutcomeKind
from billing.record_cases import Case, load_cases
from billing.rows import Row, insert_many, table_of, update_many
from billing.settle import next_cycle_row
from billing.tables import (
    AttemptRow,
    ChargePermissionRow,
    InvoiceRow,
    SlotRow,
    SubscriptionEventRow,
    SubscriptionRow,
)

log = logging.getLogger(__name__)

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
invoices = table_of(InvoiceRow)
subscriptions = table_of(SubscriptionRow)
permissions = table_of(ChargePermissionRow)

UNSETTLED = frozenset({"intended", "in_doubt", "pending"})
# Waits before the same key is tried again, by how often it was sent; then every hour.
REPLAY_MINUTES = (1, 2, 5, 10, 30)
POLL_EVERY = timedelta(hours=1)
THROTTLE_WAIT = timedelta(seconds=2)
# An invoice that the merchant keeps open has no last day; this one is never reached.
KEPT_OPEN_DAYS = 36_500


@dataclass(slots=True)
class _Work:
    """Everything one transaction of this module writes."""

    merchant: Merchant
    at: datetime
    attempts: list[dict[str, Any]] = field(default_factory=list)
    slots: list[dict[str, Any]] = field(default_factory=list)
    invoices: list[dict[str, Any]] = field(default_factory=list)
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    permissions: list[dict[str, Any]] = field(default_factory=list)
    captured: list[int] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    balances: list[tuple[int, int, int]] = field(default_factory=list)
    journals: list[ledger.Journal] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)


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
    try:
        writing(engine, lambda connection: _record(connection, merchant, outcomes, at))
    except OperationalError:
        raise
    except Exception as error:
        if len(outcomes) == 1:
            _set_aside(engine, merchant, outcomes[0], error, at)
        else:
            for outcome in outcomes:
                record_outcomes(engine, merchant, [outcome], at=at)
    reached("charge.recorded")


def _set_aside(
    engine: Engine, merchant: Merchant, outcome: Outcome, error: Exception, at: datetime
) -> None:
    """Quarantine a slot whose outcome cannot be recorded; what Amazon said stays in the detail."""
    log.critical("outcome of attempt %d cannot be recorded", outcome.attempt.id, exc_info=error)
    said = f"Amazon said {outcome.kind} ({outcome.charge_id or outcome.reason_code})"
    detail = f"{said}, which cannot be recorded: {type(error).__name__}: {error}"
    contradiction = replace(outcome, kind=OutcomeKind.CONTRADICTION, detail=detail)
    writing(engine, lambda connection: _record(connection, merchant, [contradiction], at))


def _record(
    connection: Connection, merchant: Merchant, outcomes: Sequence[Outcome], at: datetime
) -> None:
    cases = load_cases(connection, outcomes)
    work = _Work(merchant, at)
    for case in cases:
        if case.attempt["state"] in UNSETTLED:
            _handle(case, work)
        elif _contradicts_what_was_recorded(case):
            _set_slot_aside(case, work)
    _write(connection, work)
    book_reports(connection, merchant, work.reports, at=at)


def _contradicts_what_was_recorded(case: Case) -> bool:
    """A second answer to one key says money moved where the first said no.

    That Amazon keeps a refusal under its key is not documented; if it does not, a replay that
    overtakes another may be told two things. The slot must not be charged a second time.
    """
    refused = case.attempt["state"] in ("declined", "refused")
    return refused and case.outcome.kind in (OutcomeKind.CAPTURED, OutcomeKind.PENDING)


def _set_slot_aside(case: Case, work: _Work) -> None:
    charge_id = case.outcome.charge_id
    log.critical("attempt %d was refused and now is charge %s", case.attempt["id"], charge_id)
    reason = f"charge {charge_id} after a refusal"
    work.slots.append(_slot(case, state="quarantined", reason=reason))
    work.notices.append(notice_row(case.slot, kind="quarantined", at=work.at, reason=reason))


def _handle(case: Case, work: _Work) -> None:
    match case.outcome.kind:
        case OutcomeKind.CAPTURED:
            _captured(case, work)
        case OutcomeKind.DECLINED:
            _declined(case, work)
        case OutcomeKind.CAP_REFUSED:
            _cap_refused(case, work)
        case OutcomeKind.CONTRADICTION:
            _contradiction(case, work)
        case OutcomeKind.PENDING:
            _still_open(case, work, state="pending", look_at=work.at + POLL_EVERY)
        case OutcomeKind.UNKNOWN:
            minutes = REPLAY_MINUTES[min(case.attempt["sends"], len(REPLAY_MINUTES) - 1)]
            state = "pending" if case.attempt["state"] == "pending" else "in_doubt"
            _still_open(case, work, state=state, look_at=work.at + timedelta(minutes=minutes))
        case OutcomeKind.THROTTLED | OutcomeKind.MISCONFIGURED:
            # Nothing happened at Amazon: no attempt is used up, the same key goes again.
            state = case.attempt["state"]
            _still_open(case, work, state=state, look_at=work.at + THROTTLE_WAIT)


def _still_open(case: Case, work: _Work, *, state: str, look_at: datetime) -> None:
    charge_id = case.outcome.charge_id or case.attempt["charge_id"]
    work.attempts.append(_attempt(case, work, state=state, look_at=look_at, charge_id=charge_id))


def _attempt(case: Case, work: _Work, **changes: Any) -> dict[str, Any]:
    outcome = case.outcome
    return {
        "id": case.attempt["id"],
        "sends": case.attempt["sends"] + 1,
        "look_at": case.attempt["look_at"],
        "charge_id": outcome.charge_id,
        "reason_code": outcome.reason_code,
        "request_id": outcome.request_id,
        "detail": outcome.detail,
        "answered_at": None,
    } | changes


def _slot(case: Case, **changes: Any) -> dict[str, Any]:
    names = ("id", "state", "due_at", "declines", "declined_on", "cap_moves", "reason")
    return {name: case.slot[name] for name in (*names, "settled_at")} | changes


def _captured(case: Case, work: _Work) -> None:
    merchant, at, slot, invoice = work.merchant, work.at, case.slot, case.invoice
    if invoice["state"] != "open":
        # Money for an invoice that was given up or paid otherwise: a person returns or books it.
        _contradiction(case, work)
        return
    charge_id = case.outcome.charge_id
    if charge_id is None:
        raise AssertionError("a captured outcome without a charge id")
    work.attempts.append(_attempt(case, work, state="captured", answered_at=at))
    work.slots.append(_slot(case, state="paid", reason=None, settled_at=at))
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
    if paid and case.agreement is not None:
        work.reports.append(case.report(ReportKind.PAID))
    elif paid:
        _advance(case, work)


def _advance(case: Case, work: _Work) -> None:
    """The cycle is settled: its number goes up by one and the next one gets its date."""
    owner = case.subscription
    work.subscriptions.append(next_cycle_row(owner, case.terms, work.merchant))
    if owner["state"] in ("trialing", "past_due", "pending"):
        kind = "trial_ended" if owner["state"] == "trialing" else "recovered"
        reason = f"cycle {owner['next_cycle']} is paid"
        work.events.append(event_row(owner, at=work.at, kind=kind, state="active", reason=reason))


def _declined(case: Case, work: _Work) -> None:
    merchant, at, slot = work.merchant, work.at, case.slot
    reason = case.outcome.reason_code or ""
    on = civil_date(at=at, timezone=merchant.timezone)
    declines = slot["declines"] + 1
    declined_on = slot["declined_on"] or on
    step = after_decline(
        reason_code=reason,
        declines=declines,
        first_declined_on=declined_on,
        on=on,
        schedule=merchant.dunning_days,
    )
    work.attempts.append(_attempt(case, work, state="declined", answered_at=at))
    work.released.append(case.attempt["id"])
    if reason == "HardDeclined":
        work.permissions.append(
            {"id": slot["permission_id"], "state": "NonChargeable", "state_reason": reason}
        )
    if case.is_waiting_change:
        _call_off(case, work, reason)
        return
    counted = _slot(case, declines=declines, declined_on=declined_on, reason=reason)
    _next_step(case, work, step, counted)


def _call_off(case: Case, work: _Work, reason: str) -> None:
    """A change is charged at once or not at all: no dunning, and everything is as it was."""
    work.slots.append(_slot(case, state="refused", reason=reason, settled_at=work.at))
    work.reports.append(case.report(ReportKind.CHANGE_OFF, reason))
    work.notices.append(notice_row(case.slot, kind="change_declined", at=work.at, reason=reason))


def _next_step(case: Case, work: _Work, step: DunningStep, slot: dict[str, Any]) -> None:
    merchant, at = work.merchant, work.at
    if step.step is NextStep.END:
        _out_of_tries(case, work, slot)
        return
    due_at = charge_instant(on=step.on, timezone=merchant.timezone, hour=merchant.charge_hour)
    waits = step.step is NextStep.WAIT_FOR_BUYER
    work.slots.append(slot | {"state": "waiting_buyer" if waits else "due", "due_at": due_at})
    work.notices.append(
        notice_row(
            case.slot,
            kind=_notice_kind(slot["reason"], waits=waits),
            at=at,
            reason=slot["reason"],
            next_try_at=None if waits else due_at,
            step=case.attempt["number"],
        )
    )
    _past_due(case, work, slot["reason"])


def _out_of_tries(case: Case, work: _Work, slot: dict[str, Any]) -> None:
    """The schedule is used up: the wait is over at once, and `billing.ending` ends it, unless
    the merchant keeps such invoices open."""
    kept = work.merchant.dunning_end == "keep_open"
    last_day = work.at + timedelta(days=KEPT_OPEN_DAYS) if kept else work.at
    work.slots.append(slot | {"state": "waiting_buyer", "due_at": last_day})
    work.notices.append(
        notice_row(
            case.slot,
            kind="failed",
            at=work.at,
            reason=slot["reason"],
            step=case.attempt["number"],
        )
    )
    _past_due(case, work, slot["reason"])


def _notice_kind(reason: str, *, waits: bool) -> str:
    if reason in ("ResourceNotFound", "UnauthorizedAccess"):
        return "permission_unknown"  # for the back office: the buyer can do nothing about it
    return "payment_method_needed" if waits else "failed"


def _past_due(case: Case, work: _Work, reason: str) -> None:
    owner = case.subscription
    if case.agreement is not None:
        work.reports.append(case.report(ReportKind.DECLINED, reason))
        return
    if owner["state"] in ("past_due", "paused", "canceled"):
        return
    work.events.append(
        event_row(owner, at=work.at, kind="past_due", state="past_due", reason=reason)
    )
    names = ("id", "next_cycle", "cycles_done", "due_at")
    work.subscriptions.append({name: owner[name] for name in names} | {"state": "past_due"})


def _cap_refused(case: Case, work: _Work) -> None:
    """Our view of the cap was too high: learn Amazon's figures, then plan again."""
    merchant, at, slot, outcome = work.merchant, work.at, case.slot, case.outcome
    work.attempts.append(_attempt(case, work, state="refused", answered_at=at))
    work.released.append(case.attempt["id"])
    if case.is_waiting_change:
        _call_off(case, work, "cap")
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
    work.slots.append(_slot(case, state="due", due_at=due_at, cap_moves=moves, reason="cap"))
    work.notices.append(
        notice_row(slot, kind="cap_moved", at=at, reason="cap", next_try_at=due_at, step=moves)
    )


def _another_day(merchant: Merchant, at: datetime) -> datetime:
    """Amazon's figures do not explain the refusal: on the 1st the reset may still be to come."""
    on = civil_date(at=at, timezone=merchant.timezone)
    later = on + timedelta(days=1) if on.day == 1 else first_of_next_month(on)
    return charge_instant(on=later, timezone=merchant.timezone, hour=merchant.charge_hour)


def _contradiction(case: Case, work: _Work) -> None:
    """No rule covers this answer: the slot is set aside for a person, its room stays held."""
    far = work.at + timedelta(days=KEPT_OPEN_DAYS)
    # A foreign charge's id stays in the detail: as ours it could clash with its true owner's.
    ours = case.attempt["charge_id"]
    work.attempts.append(_attempt(case, work, state="in_doubt", look_at=far, charge_id=ours))
    reason = case.outcome.reason_code or "contradiction"
    work.slots.append(_slot(case, state="quarantined", reason=reason))
    work.notices.append(notice_row(case.slot, kind="quarantined", at=work.at, reason=reason))


def _write(connection: Connection, work: _Work) -> None:
    update_many(connection, attempts, work.attempts)
    update_many(connection, slots, work.slots)
    update_many(connection, invoices, work.invoices)
    update_many(connection, subscriptions, work.subscriptions)
    settle_holds(connection, work.captured, captured=True)
    settle_holds(connection, work.released, captured=False)
    _write_permissions(connection, work.permissions)
    for attempt_id, permission_id, balance in work.balances:
        learn_balance(
            connection,
            attempt_id=attempt_id,
            permission_id=permission_id,
            balance_yen=balance,
        )
    ledger.book(connection, work.journals)
    insert_many(connection, table_of(SubscriptionEventRow), work.events)
    write_notices(connection, work.notices)


def _write_permissions(connection: Connection, rows: Sequence[Row]) -> None:
    update_many(connection, permissions, [dict(row) for row in rows if "state" in row])
    limits = [{"p": row["id"], "v": row["limit"]} for row in rows if "limit" in row]
    if limits:
        statement = update(permissions).where(permissions.c.id == bindparam("p"))
        connection.execute(statement.values(amount_limit_yen=bindparam("v")), limits)

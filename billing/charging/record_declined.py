"""What a definite decline means for its slot: the next try, a wait for the buyer, or the end."""

from datetime import timedelta
from typing import Any

from billing.agreements.reports import ReportKind
from billing.charging.declining import CountedDecline
from billing.charging.record_authorized import ended_without_money
from billing.charging.record_cases import Case
from billing.charging.record_work import Work, slot_row
from billing.dates import charge_instant, civil_date
from billing.dunning import NextStep
from billing.store.events import event_row
from billing.store.notices import notice_row
from plans import DunningEnd

# An invoice that the merchant keeps open has no last day; this one is never reached.
KEPT_OPEN_DAYS = 36_500


def declined(case: Case, work: Work) -> None:
    """Amazon said no: the attempt is over, its slot goes on by the schedule of its invoice."""
    slot, reason = case.slot, case.outcome.reason_code or ""
    ended_without_money(case, work)
    if reason == "HardDeclined":
        work.permissions.append(
            {"id": slot["permission_id"], "state": "NonChargeable", "state_reason": reason}
        )
    if case.is_now_or_never:
        call_off(case, work, reason)
        return
    on = civil_date(at=work.at, timezone=work.merchant.timezone)
    decline = work.declines.counted(case, work.merchant, on=on)
    work.dunnings.append(decline.dunning)
    counters = {"declines": decline.declines, "declined_on": decline.first_on}
    _next_step(case, work, decline, slot_row(case, reason=reason, **counters))


def call_off(case: Case, work: Work, reason: str) -> None:
    """A change or a one-off will not be charged: everything is as it was."""
    report, told = ReportKind.CHANGE_OFF, "change_declined"
    if case.is_one_off:
        report, told = ReportKind.ONE_OFF_OFF, "one_off_declined"
    work.slots.append(slot_row(case, state="refused", reason=reason, settled_at=work.at))
    work.reports.append(case.report(report, reason))
    work.notices.append(notice_row(case.slot, kind=told, at=work.at, reason=reason))


def _next_step(case: Case, work: Work, decline: CountedDecline, slot: dict[str, Any]) -> None:
    step = decline.step
    if step.step is NextStep.END:
        _out_of_tries(case, work, decline, slot)
        return
    due_at = charge_instant(on=step.on, timezone=work.merchant.timezone, hour=step.hour)
    waits = step.step is NextStep.WAIT_FOR_BUYER
    work.slots.append(slot | {"state": "waiting_buyer" if waits else "due", "due_at": due_at})
    work.notices.append(
        notice_row(
            case.slot,
            kind=_notice_kind(slot["reason"], waits=waits),
            at=work.at,
            reason=slot["reason"],
            next_try_at=None if waits else due_at,
            step=case.attempt["number"],
        )
    )
    _past_due(case, work, slot["reason"])


def _out_of_tries(case: Case, work: Work, decline: CountedDecline, slot: dict[str, Any]) -> None:
    """The schedule is used up: the wait is over at once, and `billing.charging.ending` ends it,
    unless the schedule keeps such invoices open."""
    kept = decline.dunning.schedule.end is DunningEnd.KEEP_OPEN
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


def _past_due(case: Case, work: Work, reason: str) -> None:
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

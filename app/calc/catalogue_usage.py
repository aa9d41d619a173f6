"""Metered use from outside: what so many units cost, and which records count and fall due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from app.calc.catalogue_reading import (
    PRICE_LIST,
    YEARS,
    blamed_on,
    dated,
    objects,
    period,
    price_agreed_to,
    price_list,
    price_of_request,
)
from app.calc.catalogue_writing import decimal_text, period_json, words
from app.calc.reading import Input, Refusal
from billing import civil_date
from plans import (
    BilledUsage,
    NegativeUsage,
    Period,
    UsageCharge,
    UsageConflict,
    UsageLog,
    UsageOutOfWindow,
    UsageRecord,
    UsageRefused,
    UsageTerms,
    UsageWindow,
    WrongMeter,
    amount_of,
    record_usage,
    usage_due,
    used_in,
)

__all__ = ["usage", "usage_log"]

_Answer = dict[str, Any]

_ELSEWHERE = ("plan", "agreed", *PRICE_LIST)
_TERMS = ("usage", *_ELSEWHERE)
_RULES: dict[type[UsageRefused], str] = {
    UsageConflict: "conflict",
    NegativeUsage: "negative",
    UsageOutOfWindow: "out_of_window",
    WrongMeter: "wrong_meter",
}
# 22 digits of a quantity times 18 of a price.
_EXACT = Context(prec=60)


def usage(request: Input) -> _Answer:
    """Price so many units of a cycle: included ones, the tiers of the others, one rounding."""
    request.only("op", "used", "on", *_TERMS)
    terms = _terms(request, on_key="on")
    used = request.decimal("used")
    with blamed_on("used"):
        amount = amount_of(terms, usage=used)
    billable = max(Decimal(0), used - terms.included)
    return {
        "meter": terms.meter,
        "used": decimal_text(used),
        "included": terms.included,
        "billable": decimal_text(billable),
        "tiers": list(_tiers(terms, billable)),
        "rounding": terms.rounding.value,
        "amount": amount.yen,
        "explain": words(amount.words_ja, amount.words_en),
    }


def usage_log(request: Input) -> _Answer:
    """Feed records in the order they came; tell each one's fate, the sums, and what is due."""
    request.only("op", "started_on", "ended_on", "timezone", "records", "periods", *_TERMS)
    feed = _Feed.read(request)
    periods = _periods(request)
    log = UsageLog()
    told = []
    for given in request.nested_list("records"):
        log, fate = _take(feed, log, given, periods)
        told.append(fate)
    due = usage_due(
        log=log,
        terms=feed.terms,
        ended=[each.days for each in periods],
        billed=[BilledUsage(each.days, each.yen) for each in periods if each.yen is not None],
    )
    return {
        "records": told,
        "periods": [_sum(log, feed.terms, each.days) for each in periods],
        "due": [_due(charge) for charge in due],
        "total": sum(charge.amount_yen for charge in due),
    }


@dataclass(frozen=True, slots=True)
class _Ended:
    """A period that is over, and what earlier invoices took for it; None when none did."""

    days: Period
    yen: int | None

    @classmethod
    def read(cls, given: Input) -> _Ended:
        given.only("from", "to", "billed")
        billed = given.whole("billed", least=0) if "billed" in given.values else None
        return cls(period(given), billed)

    def was_billed_before(self, received_on: date) -> bool:
        """Tell whether a record of these days that came then missed their invoice."""
        return self.yen is not None and received_on >= self.days.end


@dataclass(frozen=True, slots=True)
class _Feed:
    """The subscription that records are sent for, and whose dates count."""

    terms: UsageTerms
    started_on: date
    ended_on: date | None
    timezone: str

    @classmethod
    def read(cls, request: Input) -> _Feed:
        terms = _terms(request, on_key="started_on")
        ended_on = dated(request, "ended_on") if "ended_on" in request.values else None
        return cls(terms, dated(request, "started_on"), ended_on, _timezone(request))

    def civil(self, at: datetime) -> date | None:
        """Give the merchant's date of an instant; None beyond the years a price list knows."""
        try:
            on = civil_date(at=at, timezone=self.timezone)
        except OverflowError:
            return None
        return on if on.year in YEARS else None


def _take(
    feed: _Feed, log: UsageLog, given: Input, periods: Sequence[_Ended]
) -> tuple[UsageLog, _Answer]:
    """Take one record; a refused one leaves the log as it is."""
    record = _record(feed, given)
    received_on = dated(given, "received_on", default=record.on)
    window = UsageWindow.of(
        terms=feed.terms,
        started_on=feed.started_on,
        ended_on=feed.ended_on,
        received_on=received_on,
    )
    told: _Answer = {"id": record.id, "on": record.on.isoformat()}
    try:
        after = record_usage(log, record, terms=feed.terms, window=window)
    except UsageRefused as fault:
        status = "conflict" if isinstance(fault, UsageConflict) else "refused"
        why = {"status": status, "rule": _RULES[type(fault)], "reason": fault.reason}
        return log, {**told, **why}
    if after is log:
        return log, {**told, "status": "duplicate"}
    late = any(record.on in each.days and each.was_billed_before(received_on) for each in periods)
    return after, {**told, "status": "late" if late else "accepted"}


def _record(feed: _Feed, given: Input) -> UsageRecord:
    given.only("id", "meter", "quantity", "at", "received_on")
    at = given.instant("at")
    on = feed.civil(at)
    if on is None:
        raise Refusal(given.at("at"), f"lies in the years {YEARS[0]} to {YEARS[-1]}")
    return UsageRecord(
        id=given.text("id"),
        meter=given.text("meter", default=feed.terms.meter),
        quantity=given.decimal("quantity"),
        at=at,
        on=on,
    )


def _terms(request: Input, *, on_key: str) -> UsageTerms:
    """Read metered terms: those of the request itself, or those of a plan's price."""
    if "usage" in request.values:
        for key in _ELSEWHERE:
            if key in request.values:
                raise Refusal(key, "give either this or usage, not both")
        terms = price_of_request(request, {"price": 1, "usage": request.values["usage"]}).usage
    else:
        terms = price_agreed_to(request, price_list(request), on_key=on_key).usage
    if terms is None:
        raise Refusal("plan", "nothing is metered at this price; add usage: to it")
    return terms


def _timezone(request: Input) -> str:
    name = request.text("timezone", default="Asia/Tokyo")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Refusal("timezone", "is the name of a zone, as Asia/Tokyo") from None
    return name


def _periods(request: Input) -> list[_Ended]:
    periods = [_Ended.read(each) for each in objects(request, "periods")]
    for index, (earlier, later) in enumerate(pairwise(periods), start=1):
        if later.days.start < earlier.days.end:
            where = f"periods[{index}].from"
            raise Refusal(where, f"is before the end of the period above ({earlier.days.end})")
    return periods


def _tiers(terms: UsageTerms, billable: Decimal) -> Iterator[_Answer]:
    below = Decimal(0)
    for tier in terms.all_tiers:
        top = billable if tier.up_to is None else min(billable, Decimal(tier.up_to))
        if top > below:
            yield {
                "up_to": tier.up_to,
                "quantity": decimal_text(top - below),
                "unit_price": decimal_text(tier.unit_price),
                "exact": decimal_text(_EXACT.multiply(top - below, tier.unit_price)),
            }
            below = top


def _sum(log: UsageLog, terms: UsageTerms, days: Period) -> _Answer:
    used = used_in(log=log, terms=terms, period=days)
    amount = amount_of(terms, usage=used)
    return {**period_json(days), "used": decimal_text(used), "amount": amount.yen}


def _due(charge: UsageCharge) -> _Answer:
    return {
        **period_json(charge.period),
        "amount": charge.amount_yen,
        "billed": charge.billed_yen,
        "late": charge.late,
        "explain": words(charge.amount.words_ja, charge.amount.words_en),
    }

"""Calendar, proration, tax, cap, keys and CV1 ids: the operations outside checks rely on."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from amazonpay import (
    charge_id_from_cv1,
    charge_permission_state_from_cv1,
)
from app.calc.reading import Input, Refusal
from billing import (
    CapRule,
    CapVerdict,
    PlannedCharge,
    PriceMode,
    RateTotal,
    TaxLine,
    TaxRounding,
    check_digit_holds,
    idempotency_key,
    normalise_registration_number,
    plan_charges,
    tax_by_rate,
)
from plans import (
    Anchor,
    AnchorRule,
    ChainLine,
    Change,
    ChangeDay,
    Divisor,
    Interval,
    Period,
    ProrationRule,
    RoundAt,
    Rounding,
    Side,
    TaxCategory,
    Unit,
    chain,
    cycle_starts,
    prorate,
)

__all__ = ["OPERATORS"]

_Answer = dict[str, Any]

_SETTINGS = ("divisor", "change_day", "round_at", "rounding", "credit_rounding")
# Only these two are asked about; the other categories carry no tax to work out.
_TAXED = (TaxCategory.STANDARD, TaxCategory.REDUCED)


def _periods(request: Input) -> _Answer:
    request.only("op", "anchor", "unit", "count", "rule", "n")
    rule = request.choice("rule", AnchorRule, AnchorRule.KEEP_DAY)
    starts = cycle_starts(
        anchor=Anchor.on(request.day("anchor"), rule=rule),
        interval=Interval(request.choice("unit", Unit), request.whole("count", least=1)),
        n=request.whole("n", least=1),
    )
    return {"starts": [start.isoformat() for start in starts]}


def _prorate(request: Input) -> _Answer:
    request.only("op", "period_start", "period_end", "change_on", "old", "new", *_SETTINGS)
    old, new = request.nested_or_null("old"), request.nested_or_null("new")
    result = prorate(
        period=_period(request),
        change_on=request.day("change_on"),
        old=_side(old) if old else None,
        new=_side(new) if new else None,
        rule=_rule(request),
    )
    return {
        "days": result.days,
        "days_left": result.days_left,
        "credit": result.credit_yen,
        "charge": result.charge_yen,
        "net": result.net_yen,
        "explain": {"ja": result.explain_ja, "en": result.explain_en},
    }


def _chain(request: Input) -> _Answer:
    request.only("op", "period_start", "period_end", "start", "changes", *_SETTINGS)
    result = chain(
        period=_period(request),
        start=_side(request.nested("start")),
        changes=[_change(change) for change in request.nested_list("changes")],
        rule=_rule(request),
    )
    return {"lines": [_chain_line(line) for line in result.lines], "total": result.total_yen}


def _chain_line(line: ChainLine) -> _Answer:
    return {
        "from": line.period.start.isoformat(),
        "to": line.period.end.isoformat(),
        "price": line.side.price_yen,
        "quantity": line.side.quantity,
        "amount": line.amount_yen,
    }


def _change(change: Input) -> Change:
    change.only("on", "to")
    return Change(on=change.day("on"), to=_side(change.nested("to")))


def _side(side: Input) -> Side:
    side.only("price", "quantity")
    return Side(side.whole("price", least=0), side.whole("quantity", least=1))


def _period(request: Input) -> Period:
    start, end = request.day("period_start"), request.day("period_end")
    if end <= start:
        raise Refusal("period_end", "a period ends at least one day after period_start")
    return Period(start, end)


def _rule(request: Input) -> ProrationRule:
    return ProrationRule(
        divisor=_divisor(request),
        change_day=request.choice("change_day", ChangeDay, ChangeDay.NEW),
        round_at=request.choice("round_at", RoundAt, RoundAt.TOTAL),
        rounding=request.choice("rounding", Rounding, Rounding.FLOOR),
        credit_rounding=request.choice("credit_rounding", Rounding, Rounding.FLOOR),
    )


def _divisor(request: Input) -> Divisor:
    given = request.values.get("divisor")
    if isinstance(given, int) and given == 30:
        return Divisor.THIRTY
    return request.choice("divisor", Divisor, Divisor.ACTUAL)


def _tax(request: Input) -> _Answer:
    request.only("op", "rounding", "prices", "lines", "on")
    breakdown = tax_by_rate(
        lines=[_tax_line(line) for line in request.nested_list("lines")],
        on=request.day("on"),
        rounding=request.choice("rounding", TaxRounding, TaxRounding.FLOOR),
        prices=request.choice("prices", PriceMode, PriceMode.INCLUSIVE),
    )
    return {"total": breakdown.total_yen, "by_rate": [_rate(row) for row in breakdown.rates]}


def _tax_line(line: Input) -> TaxLine:
    line.only("amount", "category")
    return TaxLine(line.whole("amount"), line.choice("category", _TAXED))


def _rate(row: RateTotal) -> _Answer:
    return {
        "category": row.category.value,
        "rate": str(row.rate_percent),
        "gross": row.gross_yen,
        "tax": row.tax_yen,
        "net": row.net_yen,
    }


def _registration_number(request: Input) -> _Answer:
    request.only("op", "value")
    normalised = normalise_registration_number(request.text("value"))
    valid = normalised is not None and check_digit_holds(normalised)
    return {"normalised": normalised, "valid": valid}


def _cap(request: Input) -> _Answer:
    request.only("op", "limit", "used", "rule", "charges")
    verdicts = plan_charges(
        limit_yen=request.whole("limit", least=0),
        used_yen_by_month=request.yen_by_month("used"),
        rule=request.choice("rule", CapRule),
        charges=[_planned_charge(charge) for charge in request.nested_list("charges")],
    )
    return {"plan": [_verdict(verdict) for verdict in verdicts]}


def _planned_charge(charge: Input) -> PlannedCharge:
    charge.only("id", "on", "amount")
    return PlannedCharge(charge.text("id"), charge.day("on"), charge.whole("amount", least=1))


def _verdict(verdict: CapVerdict) -> _Answer:
    parts = [{"on": part.on.isoformat(), "amount": part.amount_yen} for part in verdict.parts]
    return {"id": verdict.id, "parts": parts, "verdict": verdict.verdict.value}


def _idempotency_key(request: Input) -> _Answer:
    request.only("op", "merchant", "environment", "subscription", "cycle", "purpose", "attempt")
    key = idempotency_key(
        merchant=request.text("merchant"),
        environment=request.text("environment"),
        subscription=request.text("subscription"),
        cycle=request.whole("cycle", least=0),
        purpose=request.text("purpose"),
        attempt=request.whole("attempt", least=1),
    )
    return {"key": key}


def _cv1(request: Input) -> _Answer:
    request.only("op", "authorization_id", "billing_agreement_state")
    if "billing_agreement_state" not in request.values:
        return {"charge_id": charge_id_from_cv1(request.text("authorization_id"))}
    if "authorization_id" in request.values:
        raise Refusal("billing_agreement_state", "give either this or authorization_id, not both")
    state = charge_permission_state_from_cv1(request.text("billing_agreement_state"))
    return {"charge_permission_state": state.value}


OPERATORS = MappingProxyType[str, Callable[[Input], _Answer]](
    {
        "periods": _periods,
        "prorate": _prorate,
        "chain": _chain,
        "tax": _tax,
        "registration_number": _registration_number,
        "cap": _cap,
        "idempotency_key": _idempotency_key,
        "cv1": _cv1,
    }
)

"""Paid time from outside: what a change settles, the first period costs, unused days give back."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from app.calc.catalogue_reading import dated
from app.calc.paid_time_reading import (
    HELD_KEYS,
    SETTINGS,
    paid_time_record,
    read_held,
    read_period,
    read_proration,
    read_terms,
    taxed_records,
)
from app.calc.reading import Input, Refusal
from app.calc.typed_reading import located
from plans import (
    AnchorRule,
    ChangeEffect,
    ChangeLine,
    ChangeRule,
    FirstPeriod,
    LineWords,
    NegativeResult,
    PaidTime,
    Settlement,
    first_period_charge,
    settle_change,
    unused_share,
)

__all__ = ["OPERATORS"]

_Answer = dict[str, Any]

_CHOICES = ("effect", "negative", *SETTINGS)


def _change(request: Input) -> _Answer:
    """Settle changes one after the other, each from the paid time that the one before left."""
    request.only("op", "start", "changes", *HELD_KEYS, *_CHOICES)
    held = read_held(request, read_terms(request.nested("start")))
    _rule(request)  # A wrong setting is named where it stands, also when every change has its own.
    settled: list[Settlement] = []
    for change in request.nested_list("changes"):
        settled.append(_settled(request, change, held))
        held = settled[-1].held
    return {
        "changes": [_settlement(each) for each in settled],
        "due_today": sum(each.due_today_yen for each in settled),
        "next_invoice": sum(each.next_invoice_yen for each in settled),
        "held": paid_time_record(held),
    }


def _settled(request: Input, change: Input, held: PaidTime) -> Settlement:
    change.only("on", "to", "anchor_rule", *_CHOICES)
    own = {key: request.values[key] for key in _CHOICES if key in request.values}
    rule = _rule(Input({**own, **change.values}, change.path))
    to, on = read_terms(change.nested("to")), dated(change, "on")
    anchor_rule = change.choice("anchor_rule", AnchorRule, AnchorRule.KEEP_DAY)
    with located(change.path, change_on="on"):
        return settle_change(held=held, change_on=on, to=to, rule=rule, anchor_rule=anchor_rule)


def _rule(request: Input) -> ChangeRule:
    return ChangeRule(
        effect=request.choice("effect", ChangeEffect, ChangeEffect.CHARGE_NOW),
        negative=request.choice("negative", NegativeResult, NegativeResult.CARRY),
        proration=read_proration(request),
    )


def _settlement(settled: Settlement) -> _Answer:
    cycle = settled.cycle
    return {
        "effective_on": settled.effective_on.isoformat(),
        "lines": [_line(line) for line in settled.lines],
        "by_category": taxed_records(settled.by_category),
        "due_today": settled.due_today_yen,
        "next_invoice": settled.next_invoice_yen,
        "credit_lots": taxed_records(settled.credit_lots),
        "refunds": taxed_records(settled.refunds),
        "forfeited": settled.forfeited_yen,
        "new_cycle": cycle and {"from": cycle.start.isoformat(), "to": cycle.end.isoformat()},
        "explain": {"ja": settled.explain_ja, "en": settled.explain_en},
    }


def _line(line: ChangeLine) -> _Answer:
    return {
        "kind": line.kind.value,
        "amount": line.amount_yen,
        "exact": str(line.exact_yen),
        "category": line.tax_category.value,
        "from": line.period.start.isoformat(),
        "to": line.period.end.isoformat(),
        "explain": {"ja": line.text_ja, "en": line.text_en},
    }


def _first_period(request: Input) -> _Answer:
    """Price the days from a start to the end of the cycle around it."""
    request.only(
        "op", "period_start", "period_end", "starts_on", "start", "first_period", *SETTINGS
    )
    period = read_period(request)
    terms, starts_on = read_terms(request.nested("start")), dated(request, "starts_on")
    setting = request.choice("first_period", FirstPeriod, FirstPeriod.PRORATE)
    if starts_on not in period:
        raise Refusal("starts_on", f"is a day of the cycle, {period.text_en}")
    first = first_period_charge(
        cycle=period,
        starts_on=starts_on,
        terms=terms,
        setting=setting,
        rule=read_proration(request),
    )
    return {
        "amount": first.amount_yen,
        "days": period.days,
        "days_charged": first.held.days.days,
        "category": terms.tax_category.value,
        "held": paid_time_record(first.held),
        "explain": {"ja": first.explain_ja, "en": first.explain_en},
    }


def _unused(request: Input) -> _Answer:
    """Give the value of the days from `on` to the end of the paid time."""
    request.only("op", "start", "on", *HELD_KEYS, *SETTINGS)
    held = read_held(request, read_terms(request.nested("start")))
    on = dated(request, "on")
    if not held.starts_on <= on <= held.cycle.end:
        raise Refusal("on", f"lies in the paid time, {held.days.text_en}, or is the day after it")
    share = unused_share(held, on=on, rule=read_proration(request))
    words = LineWords.credit(held.terms.name_ja, held.terms.name_en, share)
    return {
        "amount": share.amount_yen,
        "exact": str(share.exact_yen),
        "days": share.days,
        "days_left": share.left,
        "paid": held.paid_yen,
        "capped": share.capped,
        "category": held.terms.tax_category.value,
        "explain": {"ja": words.text_ja, "en": words.text_en},
    }


OPERATORS = MappingProxyType[str, Callable[[Input], _Answer]](
    {"change": _change, "first_period": _first_period, "unused": _unused}
)

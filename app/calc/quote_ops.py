"""Quotes from outside: the answer to any "what if", and whether an earlier one still holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from app.calc.catalogue_reading import PRICE_LIST, dated
from app.calc.lifecycle_reading import Asked, asked_at, event_record, read_asked, read_policy
from app.calc.reading import Input, Refusal
from app.calc.situation_reading import SITUATION_KEYS, read_situation
from app.calc.typed_reading import refusal_record
from billing.quotes import (
    CapRefuses,
    Difference,
    Quote,
    Situation,
    StaleQuote,
    confirm,
    quote,
    quote_record,
)
from plans import BadInput, PlansError
from plans.lifecycle import Policy

__all__ = ["OPERATORS"]

_Answer = dict[str, Any]

_ASKED_KEYS = ("command", "actor", "reason", "at", "on")
# What may be different by the time a quote is confirmed.
_NOW_KEYS = (*SITUATION_KEYS, "policy", "at", "on")

_OTHER_ID = Difference(
    "quote_id",
    "この状況のお見積りは別の番号です",
    "the quote of this situation has another id",
)


@dataclass(frozen=True, slots=True)
class _Moment:
    """How things stand, under which rules of changes, and when."""

    situation: Situation
    policy: Policy
    on: date
    at: datetime


def _quote(request: Input) -> _Answer:
    """Answer a "what if"; with `confirm`, say whether the quote still holds."""
    request.only("op", "policy", "confirm", *SITUATION_KEYS, *_ASKED_KEYS)
    then = _moment(request)
    view = then.situation
    asked = read_asked(
        request, subscription=view.subscription, catalogue=view.catalogue, rules=view.rules
    )
    agreed = request.nested("confirm") if "confirm" in request.values else None
    now = None if agreed is None else _now(request, agreed, then)
    try:
        found = _answered(asked, then)
    except PlansError as refused:
        return {"refused": refusal_record(refused)}
    if agreed is None or now is None:
        return quote_record(found)
    return _confirmed(agreed.text("quote_id"), found, now)


def _answered(asked: Asked, then: _Moment) -> Quote:
    return quote(
        then.situation,
        asked.command,
        on=then.on,
        at=then.at,
        policy=then.policy,
        actor=asked.actor,
        reason=asked.reason,
    )


def _moment(request: Input) -> _Moment:
    policy, on = read_policy(request), dated(request, "on")
    return _Moment(read_situation(request, policy=policy), policy, on, asked_at(request, on))


def _now(request: Input, agreed: Input, then: _Moment) -> _Moment:
    """Read how things stand by now: the line, with what `confirm.now` says instead."""
    agreed.only("quote_id", "now").text("quote_id")
    if "now" not in agreed.values:
        return then
    now = agreed.nested("now").only(*_NOW_KEYS)
    kept = request.values.keys() - _replaced(now)
    values = {key: request.values[key] for key in kept}
    try:
        return _moment(Input({**values, **now.values}))
    except (Refusal, BadInput) as fault:
        if str(fault.field).partition(".")[0].partition("[")[0] in now.values:
            raise Refusal(f"{now.path}.{fault.field}", fault.reason) from fault
        raise


def _replaced(now: Input) -> set[str]:
    """Name the keys of the line that what is said now takes the place of."""
    replaced = set(now.values)
    if replaced & set(PRICE_LIST):
        replaced |= set(PRICE_LIST)
    if "on" in now.values:
        replaced.add("at")
    return replaced


def _confirmed(quote_id: str, found: Quote, now: _Moment) -> _Answer:
    if found.quote_id != quote_id:
        return _stale((_OTHER_ID,), found)
    try:
        done = confirm(found, now.situation, on=now.on, at=now.at, policy=now.policy)
    except StaleQuote as stale:
        return _stale(stale.differences, stale.new_quote, stale.refused)
    except CapRefuses as over:
        why = {"code": "cap", "field": "cap", "rule": None, "remedy": None, "words": str(over)}
        return {"good": False, "differences": [], "refused": why, "new_quote": quote_record(found)}
    return {
        "good": True,
        "quote": quote_record(found),
        "events": [event_record(event) for event in done.events],
    }


def _stale(
    differences: tuple[Difference, ...], new: Quote | None, refused: PlansError | None = None
) -> _Answer:
    return {
        "good": False,
        "differences": [
            {"what": each.what, "explain": {"ja": each.text_ja, "en": each.text_en}}
            for each in differences
        ],
        "refused": None if refused is None else refusal_record(refused),
        "new_quote": None if new is None else quote_record(new),
    }


OPERATORS = MappingProxyType[str, Callable[[Input], _Answer]]({"quote": _quote})

"""Confirming a quote: that very amount, or nothing; a stale one is refused with a new one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from billing.quotes.answering import Answer, answered
from billing.quotes.bills import Bill
from billing.quotes.inputs import SECTIONS_EN, SECTIONS_JA
from billing.quotes.pinned import Quote, pinned
from billing.quotes.values import Account, Situation
from plans import PlansError, yen_en, yen_ja
from plans.lifecycle import Event, Policy, Subscription

__all__ = ["CapRefuses", "Confirmed", "Difference", "StaleQuote", "confirm"]

_DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was when the quote was made."""

    what: str
    text_ja: str
    text_en: str


class StaleQuote(Exception):
    """The quote no longer holds; nothing was decided.

    `new_quote` answers the same question now. It is None when the question is refused by now, and
    `refused` says why. `differences` name what changed.
    """

    def __init__(
        self,
        *,
        quote: Quote,
        new_quote: Quote | None,
        differences: tuple[Difference, ...],
        refused: PlansError | None = None,
    ) -> None:
        self.quote = quote
        self.new_quote = new_quote
        self.differences = differences
        self.refused = refused
        changed = "; ".join(each.text_en for each in differences)
        remedy = "look at the new quote and confirm that one"
        if refused is not None:
            remedy = f"it is refused now: {refused}"
        super().__init__(f"quote {quote.quote_id} is stale: {changed}; {remedy}")


class CapRefuses(Exception):
    """By the merchant's rule the change is refused: its charges do not fit under the cap."""

    def __init__(self, *, quote: Quote) -> None:
        self.quote = quote
        hits = "; ".join(
            f"{yen_en(row.charge.amount_yen)} on {row.charge.on}: {row.verdict.value}"
            for row in quote.cap.hits
        )
        super().__init__(
            f"quote {quote.quote_id}: over the monthly cap of {yen_en(quote.cap.limit_yen)} "
            f"({hits}); choose a smaller change, another date, or another cap rule"
        )


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What is to be written: the events, and the bills of today with their exact amounts.

    `subscription` and `account` are the state after the events and the settled change; a renewal
    among the bills (its `cycle` is set) is charged by the engine, and settles there.
    """

    quote: Quote
    events: tuple[Event, ...]
    subscription: Subscription
    account: Account
    bills: tuple[Bill, ...]


def confirm(
    quote: Quote,
    situation_now: Situation,
    *,
    on: date,
    at: datetime,
    policy: Policy = _DEFAULT_POLICY,
) -> Confirmed:
    """Decide a quote's command for good, if everything is still as the quote says.

    Raises StaleQuote after the quote's end or when anything that it rests on has changed, and
    CapRefuses when the merchant's rule does not allow what the cap cannot take.
    """
    try:
        answer = _asked_again(quote, situation_now, on=on, at=at, policy=policy)
    except PlansError as refused:
        gone = Difference("refused", "現在は受け付けられません", "it is refused by now")
        raise StaleQuote(
            quote=quote, new_quote=None, differences=(gone,), refused=refused
        ) from refused
    again = pinned(
        answer,
        quote.command,
        policy=policy,
        rules=situation_now.rules,
        on=on,
        at=at,
        actor=quote.actor,
        reason=quote.reason,
    )
    if at >= quote.expires_at or again.content != quote.content:
        differences = _differences(quote, again, at)
        raise StaleQuote(quote=quote, new_quote=again, differences=differences)
    if not again.cap.allows:
        raise CapRefuses(quote=quote)
    return Confirmed(quote, answer.events, answer.subscription, answer.account, answer.today)


def _asked_again(quote: Quote, now: Situation, *, on: date, at: datetime, policy: Policy) -> Answer:
    return answered(
        now,
        quote.command,
        policy=policy,
        on=on,
        at=at,
        actor=quote.actor,
        reason=quote.reason,
        quote_id=quote.quote_id,
    )


def _differences(old: Quote, new: Quote, at: datetime) -> tuple[Difference, ...]:
    """Name what changed: the end of the quote, inputs, and the amounts people look at."""
    found = []
    if at >= old.expires_at:
        end = old.expires_at.strftime("%Y-%m-%d %H:%M")
        found.append(Difference("expired", f"有効期限 {end} が過ぎました", f"it held until {end}"))
    before = dict(old.inputs)
    for name, now in new.inputs:
        if before.get(name) != now:
            ja, en = SECTIONS_JA[name], SECTIONS_EN[name]
            found.append(Difference(name, f"{ja}が変わりました", f"{en} changed"))
    for what, ja, en in _AMOUNTS:
        was, becomes = _amount(old, what), _amount(new, what)
        if was != becomes:
            words_ja = f"{ja}: {yen_ja(was)}→{yen_ja(becomes)}"
            words_en = f"{en}: {yen_en(was)} → {yen_en(becomes)}"
            found.append(Difference(what, words_ja, words_en))
    return tuple(found)


_AMOUNTS = (
    ("charge_today", "本日のお支払い", "charged today"),
    ("credit", "次回以降への充当", "kept as credit"),
    ("refund", "返金", "refunded"),
    ("next_charge", "次回のご請求", "next charge"),
    ("charges_total", "今後12か月の合計", "next 12 months"),
)


def _amount(quote: Quote, what: str) -> int:
    amounts = {
        "charge_today": quote.charge_today_yen,
        "credit": quote.credit_yen,
        "refund": quote.refund_yen,
        "next_charge": 0 if quote.next_charge is None else quote.next_charge.charge_yen,
        "charges_total": sum(bill.charge_yen for bill in quote.coming),
    }
    return amounts[what]

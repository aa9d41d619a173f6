"""The one function that answers every "what if", and the pinned quote it gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from billing.quotes.answering import Answer, answered
from billing.quotes.bills import Bill
from billing.quotes.cap import CapOutlook
from billing.quotes.inputs import Inputs
from billing.quotes.values import QuoteLine, QuoteRules, Situation
from plans import canonical_form, canonical_hash
from plans.lifecycle import Actor, Command, Paused, Policy

__all__ = ["Quote", "pinned", "quote"]

_LAST_MINUTE = time(23, 59)
_SCHEME = "quote-v1"
_ID_DIGITS = 32
_DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A pinned answer: the same inputs give the same quote, and `quote_id` is a hash of both.

    `today` are the bills of the day the change is confirmed on, `coming` those of the twelve
    months after it. `effective_on` is when the change takes effect. `deadline` is the last minute,
    in the merchant's zone, in which the charge after it can be changed. `command` is what was
    asked and `decided` the same with its fee; `overridden` are the guards that staff set aside.
    `content` fingerprints inputs and answer.
    """

    quote_id: str
    subscription_id: str
    command: Command
    decided: Command
    actor: Actor
    reason: str
    on: date
    asked_at: datetime
    expires_at: datetime
    effective_on: date
    overridden: tuple[str, ...]
    today: tuple[Bill, ...]
    coming: tuple[Bill, ...]
    coming_before: tuple[Bill, ...]
    cap: CapOutlook
    deadline: datetime | None
    banked_days: int
    inputs: Inputs
    content: str
    rules: QuoteRules

    @property
    def lines(self) -> tuple[QuoteLine, ...]:
        """Every line that is settled today."""
        return tuple(line for bill in self.today for line in bill.lines)

    @property
    def charge_today_yen(self) -> int:
        """What confirming takes, after open credit."""
        return sum(bill.charge_yen for bill in self.today)

    @property
    def credit_used_yen(self) -> int:
        """Open credit that pays a part of today's bills."""
        return sum(bill.credit_used_yen for bill in self.today)

    @property
    def credit_yen(self) -> int:
        """New credit for later charges."""
        return sum(bill.credit_yen for bill in self.today)

    @property
    def refund_yen(self) -> int:
        """What is paid back today, open credit included."""
        return sum(bill.refund_yen + bill.credit_refund_yen for bill in self.today)

    @property
    def forfeited_yen(self) -> int:
        """What is not given back, by the merchant's rule or the customer's choice."""
        return sum(bill.forfeited_yen for bill in self.today)

    @property
    def next_charge(self) -> Bill | None:
        """The first charge after today."""
        return next((bill for bill in self.coming if bill.charge_yen), None)


def quote(
    situation: Situation,
    command: Command,
    *,
    on: date,
    at: datetime,
    policy: Policy = _DEFAULT_POLICY,
    actor: Actor = Actor.CUSTOMER,
    reason: str = "",
) -> Quote:
    """Answer "what if" for any command that people give; nothing is written.

    `at` is an aware UTC instant and `on` the merchant's civil date then. Raises what the life
    cycle refuses (`plans.lifecycle.Refused`) and what the catalogue does not sell (BadInput,
    UnknownPlan, UnknownOffer, NoPriceYet, NoLongerSold).
    """
    answer = answered(situation, command, policy=policy, on=on, at=at, actor=actor, reason=reason)
    return pinned(
        answer,
        command,
        policy=policy,
        rules=situation.rules,
        on=on,
        at=at,
        actor=actor,
        reason=reason,
    )


def pinned(
    answer: Answer,
    command: Command,
    *,
    policy: Policy,
    rules: QuoteRules,
    on: date,
    at: datetime,
    actor: Actor,
    reason: str,
) -> Quote:
    """Pin an answer: give it its fingerprint, its id and its end."""
    effective_on = answer.effective_on
    expires_at = _expires_at(rules, on, at)
    said = (answer.today, answer.coming, answer.coming_before, answer.cap, effective_on)
    content = canonical_hash(_SCHEME, [canonical_form(answer.inputs), canonical_form(said)])
    return Quote(
        quote_id=canonical_hash(_SCHEME, [content, expires_at.isoformat()])[:_ID_DIGITS],
        subscription_id=answer.subscription.id,
        command=command,
        decided=answer.command,
        actor=actor,
        reason=reason,
        on=on,
        asked_at=at,
        expires_at=expires_at,
        effective_on=effective_on,
        overridden=answer.events[0].overridden if answer.events else (),
        today=answer.today,
        coming=answer.coming,
        coming_before=answer.coming_before,
        cap=answer.cap,
        deadline=_deadline(answer, policy, rules),
        banked_days=_banked_days(answer),
        inputs=answer.inputs,
        content=content,
        rules=rules,
    )


def _banked_days(answer: Answer) -> int:
    facts = (event.fact for event in answer.events)
    return sum(fact.pause.banked_days for fact in facts if isinstance(fact, Paused))


def _expires_at(rules: QuoteRules, on: date, at: datetime) -> datetime:
    """Give the instant, in the merchant's zone, from which a quote holds no more."""
    zone = ZoneInfo(rules.timezone)
    midnight = datetime.combine(on + timedelta(days=1), time(), zone)
    if rules.expires_after_minutes is None:
        return midnight
    return min(midnight, (at + timedelta(minutes=rules.expires_after_minutes)).astimezone(zone))


def _deadline(answer: Answer, policy: Policy, rules: QuoteRules) -> datetime | None:
    """Give the last minute in which the next charge after today can still be changed."""
    charge = next((bill for bill in answer.coming if bill.cycle is not None), None)
    if charge is None:
        return None
    last_day = charge.on - timedelta(days=policy.cutoff_days)
    return datetime.combine(last_day, _LAST_MINUTE, ZoneInfo(rules.timezone))

"""A walk through a life with money: every command is quoted and confirmed, every day is played.

The price list is in whole yen a day, so nothing is rounded and every yen must be accounted for:
what was taken, less what was given back, is what the served days are worth.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from billing.cap.plan import CapRule
from billing.quotes import (
    Bill,
    BillPurpose,
    CapRoom,
    CreditAtEnd,
    Quote,
    QuoteRules,
    Situation,
    confirm,
    price_ref,
    quote,
)
from billing.quotes.projecting import happened
from billing.quotes.renewing import renewed
from plans import Catalogue, ChangeEffect, ChangeRule, NegativeResult, parse_catalogue
from plans.lifecycle import (
    Actor,
    Cancel,
    ChargeSucceeded,
    Command,
    Create,
    EarlyLeave,
    Event,
    Policy,
    Refund,
    Subscription,
    TimePassed,
    Timing,
    charge_on,
    decide,
    next_due,
)

THIRTY = "every: {unit: day, count: 30}"
SIXTY = "every: {unit: day, count: 60}"
DAILY: Catalogue = parse_catalogue(f"""plans:
  - {{code: low, name: {{ja: 低, en: Low}}, price: 3000, tax: standard, {THIRTY}}}
  - {{code: mid, name: {{ja: 中, en: Mid}}, price: 9000, tax: standard, {THIRTY}}}
  - {{code: food, name: {{ja: 食, en: Food}}, price: 15000, tax: reduced, {THIRTY}}}
  - {{code: seats, name: {{ja: 席, en: Seats}}, price: 1500, per_seat: true, tax: standard,
     {THIRTY}}}
  - {{code: long, name: {{ja: 長, en: Long}}, price: 12000, tax: standard, {SIXTY}}}
add_ons:
  - {{code: call, name: {{ja: 電話, en: Call}}, price: 1200, tax: standard}}
  - {{code: snack, name: {{ja: 菓子, en: Snack}}, price: 600, per_seat: true, tax: reduced}}
""")
START = date(2026, 4, 1)
ROOM = CapRoom(limit_yen=10_000_000, rule=CapRule.SPLIT)
POLICY = Policy(
    cutoff_days=0, leave_early=EarlyLeave.FOR_FEE, refunds=frozenset(Refund), schedule_days_max=None
)


def noon(on: date) -> datetime:
    """Noon in Japan, in UTC."""
    return datetime.combine(on, time(3), UTC)


def carrying(effect: ChangeEffect = ChangeEffect.CHARGE_NOW, **more: Any) -> QuoteRules:
    """Rules by which no yen is lost."""
    negative = more.pop("negative", NegativeResult.CARRY)
    return QuoteRules(change=ChangeRule(effect, negative), credit_at_end=CreditAtEnd.REFUND, **more)


@dataclass
class Walk:
    """A subscriber, a day, the yen that were taken, and the yen that the served days are worth."""

    view: Situation
    on: date = START
    cash_yen: int = 0
    worth_yen: int = 0
    # `quotes` hold each quote with the number of bills that were made by then.
    bills: list[Bill] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    policy: Policy = POLICY
    quotes: list[tuple[Quote, int]] = field(default_factory=list)

    @classmethod
    def begun(cls, plan: str = "mid", /, *, rules: QuoteRules | None = None, **terms: Any) -> Walk:
        """Sign up by a quote, on the first day; its charge is made too."""
        catalogue = terms.pop("catalogue", DAILY)
        walk = cls(
            Situation(subscription=None, catalogue=catalogue, cap=ROOM, rules=rules or carrying())
        )
        price = catalogue.price_on(plan, START)
        walk.ask(
            Create(
                id="sub-1",
                plan_code=plan,
                price_ref=f"{plan}@{price.valid_from}",
                interval=price.interval,
                starts_on=START,
                permission_id="C00-1",
                **terms,
            )
        )
        return walk

    @property
    def sub(self) -> Subscription:
        """The subscription now."""
        assert self.view.subscription is not None
        return self.view.subscription

    @property
    def over(self) -> bool:
        """Whether it is canceled."""
        return self.sub.state.value == "canceled"

    def ask(self, command: Command) -> Quote:
        """Quote and confirm, and let the engine do what is due on that day."""
        how = {"on": self.on, "at": noon(self.on), "policy": self.policy}
        found = quote(self.view, command, actor=Actor.STAFF, reason="walk", **how)
        done = confirm(found, self.view, **how)
        assert done.bills == found.today
        self._took([bill for bill in done.bills if bill.cycle is None])
        before = len(self.bills)
        self._now(done.subscription, done.account)
        self.events += done.events
        self._open_days_paid(found.today)
        self.day()
        renewals = [bill for bill in found.today if bill.cycle is not None]
        assert self.bills[before:] == renewals, "what the quote says of today is what is charged"
        self.quotes.append((found, len(self.bills)))
        return found

    def day(self) -> None:
        """Do what the engine does on one day."""
        if self.over:
            return
        while (due := next_due(self.sub)) is not None and due <= self.on:
            self._decided(TimePassed())
        while (due := charge_on(self.sub)) is not None and due <= self.on:
            cycle = self.sub.next_cycle
            account, bill = renewed(self.view, self.view.account, self.sub, on=self.on)
            assert bill is not None
            self._took([bill])
            self._now(self.sub, account)
            self._decided(ChargeSucceeded(cycle))
            while (due := next_due(self.sub)) is not None and due <= self.on:
                self._decided(TimePassed())

    def until(self, on: date) -> Walk:
        """Play every day up to `on`; each day that ends in service is worth its price."""
        while self.on < on:
            self.worth_yen += self._day_yen()
            self.on += timedelta(days=1)
            self.day()
        return self

    def left(self) -> Walk:
        """Leave now, with the unused days given back."""
        if not self.over:
            self.ask(Cancel(Timing.NOW, refund=Refund.PRORATED))
        return self

    def _decided(self, command: Command) -> None:
        how = {"on": self.on, "at": noon(self.on), "policy": self.policy}
        events = decide(self.sub, command, actor=Actor.ENGINE, reason="", **how)
        account, after, bills = happened(self.view, self.view.account, self.sub, events)
        self._now(after, account)
        self._took(bills)
        self.events += events
        self._open_days_paid(bills)

    def _open_days_paid(self, bills: Any) -> None:
        if any(bill.purpose is BillPurpose.OPEN_DAYS for bill in bills) and not self.over:
            self._decided(ChargeSucceeded(None))

    def _took(self, bills: Any) -> None:
        for bill in bills:
            self.bills.append(bill)
            self.cash_yen += bill.charge_yen - bill.refund_yen - bill.credit_refund_yen

    def _now(self, subscription: Subscription, account: Any) -> None:
        self.view = replace(
            self.view,
            subscription=subscription,
            paid=account.parts,
            received=account.received,
            credit=account.credit,
            waiting=account.waiting,
            usage=account.usage,
            closed=account.closed,
        )

    def _day_yen(self) -> int:
        if self.view.catalogue is not DAILY or self.sub.state.value not in ("active", "past_due"):
            return 0
        catalogue = self.view.catalogue
        price = catalogue.price_of(price_ref(self.sub.price_ref))
        yen = price.cycle_yen(quantity=self.sub.quantity)
        for held in self.sub.add_ons:
            yen += catalogue.add_on_on(held.code, START).amount(quantity=held.quantity).yen
        assert yen % price.interval.count == 0
        return yen // price.interval.count

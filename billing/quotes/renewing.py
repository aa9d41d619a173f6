"""What the next cycle costs: the lines of `plans`, their words with yen, the time it buys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from billing.quotes.agreed import Agreed, agreed
from billing.quotes.bills import Bill, BillPurpose, billed, with_received
from billing.quotes.pieces import unserved
from billing.quotes.values import Account, PaidPart, QuoteLine, Situation
from plans import (
    Coupon,
    CouponScope,
    FirstCharge,
    Line,
    LineKind,
    PaidTime,
    Period,
    Side,
    Terms,
    cycle_lines,
    cycle_period,
    discount_lines,
    first_period_charge,
    split_yen,
    yen_en,
    yen_ja,
)
from plans.lifecycle import Subscription, cycle_days, first_days_free

__all__ = ["line_of", "paid_before", "renewed", "usage_lines"]

_USAGE_KINDS = (LineKind.USAGE, LineKind.USAGE_LATE)
_PLAN_KINDS = (LineKind.PLAN, LineKind.FIRST_CYCLE, LineKind.CYCLE_PRICE, LineKind.FREE_DAYS)
_SAY_0 = (LineKind.GIFT, LineKind.FREE_DAYS)


@dataclass(frozen=True, slots=True)
class _Cycle:
    """The next cycle: its whole nominal days, the days it serves, and what is agreed."""

    subscription: Subscription
    nominal: Period
    days: Period
    agreed: Agreed


def renewed(
    view: Situation, account: Account, subscription: Subscription, *, on: date
) -> tuple[Account, Bill | None]:
    """Bill the next cycle with all that waits for it; None when it was invoiced before."""
    cycle = _next_cycle(view, subscription)
    base = _base_lines(view, account, cycle)
    base, first = _first_period(view, cycle, base)
    discounts, open_yen = _discounts(base, cycle)
    parts = _parts(cycle, base, open_yen, None if first is None else first.held)
    own = [line_of(line) for line in (*base, *discounts)]
    if first is not None and base[0].kind is not LineKind.FREE_DAYS:
        own[0] = _first_line(base[0], first)
    left = _left_over(account, subscription, on)
    # A charge that was moved forward comes while paid days are left; they are not forgotten.
    received = account.received if left else ()
    bought = replace(account, received=received, waiting=(), usage=()).with_parts([*left, *parts])
    if view.invoiced_cycle == subscription.next_cycle:
        return with_received(replace(bought, waiting=account.waiting), own), None
    after, bill = billed(
        bought,
        [*account.waiting, *own],
        on=on,
        purpose=BillPurpose.RENEWAL,
        negative=view.rules.change.negative,
        rules=view.rules,
        cycle=subscription.next_cycle,
        supplied_on=cycle.days.start,
    )
    closed = after.closed
    if closed is not None and closed.on == on:
        closed = replace(closed, forfeited_yen=closed.forfeited_yen + bill.forfeited_yen)
        after = replace(after, closed=closed)
    return with_received(after, own), bill


def _left_over(account: Account, subscription: Subscription, on: date) -> tuple[PaidPart, ...]:
    """Give the paid time that is not served yet: days still to come, and those a pause banks."""
    pause = subscription.pause
    return unserved(account.parts, on=on if pause is None else min(on, pause.began_on))


def usage_lines(
    view: Situation, account: Account, subscription: Subscription, *, on: date
) -> tuple[QuoteLine, ...]:
    """Bill use that is known and not billed, at the tax of the plan, apart from any cycle."""
    if not account.usage:
        return ()
    terms = agreed(view.catalogue, subscription, on=on)
    lines = cycle_lines(
        plan=terms.plan,
        price=terms.price,
        quantity=subscription.quantity,
        cycle=0,
        first_cycle=0,
        period=max(each.period for each in account.usage),
        usage=account.usage,
    )
    return tuple(line_of(line) for line in lines if line.kind in _USAGE_KINDS)


def paid_before(view: Situation, subscription: Subscription) -> int:
    """Count the paid cycles: what the nth price, the nth gift and the set-up fee go by.

    A cycle that was skipped or paused has a number and was not paid. Of an imported subscription
    the cycles of the other system count, at least one once a period of it is known: what is taken
    once was taken there. They never count for more than their numbers.
    """
    done = subscription.cycles_done
    if view.first_cycle is None:
        return done
    known = 0 if subscription.last_paid_cycle is None else 1
    return max(0, min(subscription.next_cycle - view.first_cycle, max(done, known)))


def line_of(line: Line) -> QuoteLine:
    """Turn a line of `plans` into one of a quote, its yen said in the words."""
    if line.kind in _SAY_0:  # its words say that it costs nothing
        return _quoted(line, line.description_ja, line.description_en)
    unit, count, total = line.unit_yen, line.quantity, line.amount_yen
    ja = yen_ja(total) if count == 1 else f"{yen_ja(unit)}×{count}={yen_ja(total)}"
    en = yen_en(total) if count == 1 else f"{yen_en(unit)} × {count} = {yen_en(total)}"
    return _quoted(line, f"{line.description_ja} {ja}", f"{line.description_en}: {en}")


def _quoted(line: Line, text_ja: str, text_en: str) -> QuoteLine:
    return QuoteLine(
        kind=line.kind.value,
        text_ja=text_ja,
        text_en=text_en,
        amount_yen=line.amount_yen,
        tax_category=line.tax_category,
        period=line.period,
        quantity=line.quantity,
    )


def _next_cycle(view: Situation, subscription: Subscription) -> _Cycle:
    number = subscription.next_cycle
    days = cycle_days(subscription, number)
    nominal = cycle_period(anchor=subscription.anchor, interval=subscription.interval, cycle=number)
    terms = agreed(view.catalogue, subscription, on=days.start)
    return _Cycle(subscription, nominal, days, terms)


def _base_lines(view: Situation, account: Account, cycle: _Cycle) -> tuple[Line, ...]:
    """List the lines before any coupon."""
    return cycle_lines(
        plan=cycle.agreed.plan,
        price=cycle.agreed.price,
        quantity=cycle.subscription.quantity,
        cycle=cycle.subscription.next_cycle,
        first_cycle=view.first_cycle or 0,
        period=cycle.days,
        paid_before=paid_before(view, cycle.subscription),
        add_ons=cycle.agreed.add_ons,
        usage=account.usage,
        free_days=first_days_free(cycle.subscription),
    )


def _first_period(
    view: Situation, cycle: _Cycle, base: tuple[Line, ...]
) -> tuple[tuple[Line, ...], FirstCharge | None]:
    """Price a first cycle that begins after its nominal start by the plan's `first_period`."""
    line = base[0]
    if cycle.days == cycle.nominal:
        return base, None
    first = first_period_charge(
        cycle=cycle.nominal,
        starts_on=cycle.days.start,
        terms=_terms(line, cycle, (cycle.agreed.plan.name_ja, cycle.agreed.plan.name_en)),
        setting=cycle.agreed.plan.first_period,
        rule=view.rules.change.proration,
    )
    partial = replace(line, quantity=1, unit_yen=first.amount_yen, amount_yen=first.amount_yen)
    return (partial, *base[1:]), first


def _first_line(line: Line, first: FirstCharge) -> QuoteLine:
    ja, en = line.description_ja, line.description_en
    return _quoted(line, f"{ja} {first.words_ja}", f"{en}, {first.words_en}")


def _discounts(base: Sequence[Line], cycle: _Cycle) -> tuple[tuple[Line, ...], list[int]]:
    """Give the discount lines, and what is left to pay of each line before them.

    Coupons are laid on one by one, so that each line knows its own share of every coupon.
    """
    plan = cycle.agreed.plan.code
    # Free days are no cycle of a coupon, even where an add-on is charged with them.
    free = base[0].kind is LineKind.FREE_DAYS
    live = [each.coupon for each in cycle.agreed.coupons if each.is_live and not free]
    coupons = sorted((c for c in live if c.is_for(plan)), key=lambda c: (c.rank, c.code))
    left = [max(0, line.amount_yen) for line in base]
    found: tuple[Line, ...] = ()
    for count, coupon in enumerate(coupons, start=1):
        grown = discount_lines(lines=base, coupons=coupons[:count], period=cycle.days)
        for discount in grown[len(found) :]:
            open_yen = [
                yen if _takes_from(coupon, discount, line) else 0
                for yen, line in zip(left, base, strict=True)
            ]
            shares = split_yen(-discount.amount_yen, open_yen)
            left = [yen - share for yen, share in zip(left, shares, strict=True)]
        found = grown
    return found, left


def _takes_from(coupon: Coupon, discount: Line, line: Line) -> bool:
    in_scope = coupon.scope is CouponScope.ORDER or line.kind in _PLAN_KINDS
    return in_scope and line.tax_category is discount.tax_category


def _parts(
    cycle: _Cycle, base: Sequence[Line], left: Sequence[int], first: PaidTime | None
) -> tuple[PaidPart, ...]:
    """Give the time that the cycle buys: the plan's, and each recurring add-on's."""
    number = cycle.subscription.next_cycle
    entries = sorted(
        (each for each in cycle.agreed.add_ons if each.is_charged_in(number)),
        key=lambda each: (each.add_on.code, each.since_cycle),
    )
    parts = []
    open_entries = iter(entries)
    for line, yen in zip(base, left, strict=True):
        if line.kind in _PLAN_KINDS:
            plan = cycle.agreed.plan
            time = first or _time(line, cycle, (plan.name_ja, plan.name_en))
            parts.append(PaidPart(None, replace(time, paid_yen=yen)))
        elif line.kind is LineKind.ADD_ON:
            add_on = next(open_entries).add_on
            time = _time(line, cycle, (add_on.name_ja, add_on.name_en))
            if add_on.recurring:
                parts.append(PaidPart(add_on.code, replace(time, paid_yen=yen)))
    return tuple(parts)


def _time(line: Line, cycle: _Cycle, names: tuple[str, str]) -> PaidTime:
    return PaidTime(cycle.nominal, cycle.days.start, _terms(line, cycle, names), 0)


def _terms(line: Line, cycle: _Cycle, names: tuple[str, str]) -> Terms:
    side = Side(line.unit_yen, line.quantity)
    if line.kind is LineKind.FREE_DAYS:  # what a change in them is reckoned with
        side = Side(cycle.agreed.price.cycle_yen(quantity=cycle.subscription.quantity))
    return Terms(side, cycle.agreed.price.interval, line.tax_category, *names)

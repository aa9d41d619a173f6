"""The lines of one cycle: what is charged and, by the same arithmetic, the words that explain it.

Amounts are whole yen with tax included. Free trial time is not a cycle and makes no line. The
order is fixed: plan, set-up fee, add-ons, use, gifts, discounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from plans.calendar import Period
from plans.catalogue.add_ons import AddOnInForce, check_add_on
from plans.catalogue.coupons import CouponInForce
from plans.catalogue.price_models import Tiered
from plans.catalogue.price_terms import Gift, SetupFee
from plans.catalogue.prices import Plan, Price
from plans.errors import BadInput
from plans.lines.discounts import discount_lines
from plans.lines.line import Line, LineKind
from plans.lines.usage import UsageCharge
from plans.money_words import yen_en, yen_ja
from plans.tax_category import TaxCategory

__all__ = ["Line", "LineKind", "check_quantity", "cycle_lines"]


def cycle_lines(
    *,
    plan: Plan,
    price: Price,
    quantity: int,
    cycle: int,
    first_cycle: int,
    period: Period,
    paid_before: int | None = None,
    add_ons: Sequence[AddOnInForce] = (),
    coupons: Sequence[CouponInForce] = (),
    usage: Sequence[UsageCharge] = (),
    free_days: bool = False,
) -> tuple[Line, ...]:
    """Price one paid cycle of a subscription, or the free days before the first one.

    `first_cycle` is the number of the subscription's first paid cycle, the one that may have a
    price of its own. Prices and gifts of the nth cycle count paid cycles: give `paid_before`
    when cycles were skipped or paused, else they are counted from `first_cycle`. With `free_days`
    the period is what a plan with `first_period` free gives before its first fixed day: a line
    says so, and first price, set-up fee, gifts and coupons wait for the paid cycle. Raises BadInput
    for a quantity the price does not allow, a `cycle` before `first_cycle`, or an add-on that is
    not for the plan, and CouponsDoNotStack.
    """
    check_quantity(price=price, quantity=quantity)
    nth = _nth_paid(cycle, first_cycle, paid_before)
    if free_days:
        extras = (*_add_on_lines(add_ons, plan, cycle, period), *_usage_lines(usage, price))
        return (_free_line(plan, price, period), *extras)
    lines = [_plan_line(plan, price, quantity, nth, period)]
    if nth == 1 and price.setup_fee is not None:
        lines.append(_setup_line(plan, price.setup_fee, period))
    lines.extend(_add_on_lines(add_ons, plan, cycle, period))
    lines.extend(_usage_lines(usage, price))
    lines.extend(_gift_line(gift, period) for gift in price.gifts if gift.cycle == nth)
    live = [entry.coupon for entry in coupons if entry.is_live and entry.coupon.is_for(plan.code)]
    if live:
        lines.extend(discount_lines(lines=lines, coupons=live, period=period))
    return tuple(lines)


def check_quantity(*, price: Price, quantity: int) -> None:
    """Refuse a quantity the price does not allow: seats start at 1, a flat plan is sold once.

    A quantity on a flat plan is refused, not ignored: charging it once may lose the merchant
    money, multiplying may take too much from the customer.
    """
    if quantity < 1:
        raise BadInput(
            field="quantity",
            value=quantity,
            rule="at least 1 is sold",
            remedy="give a whole number from 1 up",
        )
    if quantity > 1 and not price.per_seat:
        raise BadInput(
            field="quantity",
            value=quantity,
            rule=f"plan {price.plan_code!r} is not sold per seat",
            remedy="use quantity 1, or set per_seat: true in the price list",
        )


def _nth_paid(cycle: int, first_cycle: int, paid_before: int | None) -> int:
    if cycle < first_cycle:
        raise BadInput(
            field="cycle",
            value=cycle,
            rule=f"the first paid cycle is number {first_cycle}",
            remedy="ask for that cycle or a later one",
        )
    return (cycle - first_cycle if paid_before is None else paid_before) + 1


def _plan_line(plan: Plan, price: Price, quantity: int, nth: int, period: Period) -> Line:
    own = price.own_amount_yen(nth)
    if own is None and price.tiers is not None:
        return _tiered_line(plan, price, quantity, period)
    kind, mark_ja, mark_en = _mark(own, nth)
    seats_ja, seats_en = (f" {quantity}席", _seats_en(quantity)) if price.per_seat else ("", "")
    unit_yen = price.amount_yen if own is None else own
    return Line(
        kind=kind,
        description_ja=f"{plan.name_ja}{mark_ja}{seats_ja} {period.text_ja}",
        description_en=f"{plan.name_en}{mark_en}{seats_en}, {period.text_en}",
        quantity=quantity,
        unit_yen=unit_yen,
        amount_yen=unit_yen * quantity,
        tax_category=price.tax_category,
        period=period,
    )


def _free_line(plan: Plan, price: Price, period: Period) -> Line:
    days = period.days
    many_en = "the first day is" if days == 1 else f"the first {days} days are"
    return _single(
        LineKind.FREE_DAYS,
        f"{plan.name_ja} {period.text_ja} 初回 {days}日分は無料",
        f"{plan.name_en}, {period.text_en}, {many_en} free",
        0,
        price.tax_category,
        period,
    )


def _mark(own_yen: int | None, nth: int) -> tuple[LineKind, str, str]:
    if own_yen is None:
        return LineKind.PLAN, "", ""
    if nth == 1:
        return LineKind.FIRST_CYCLE, "(初回価格)", " (first-cycle price)"
    return LineKind.CYCLE_PRICE, f"({nth}回目価格)", f" (price of cycle {nth})"


def _tiered_line(plan: Plan, price: Price, quantity: int, period: Period) -> Line:
    amount = price.cycle_amount(quantity=quantity)
    seats_ja, seats_en = f"{quantity}席", _seats_en(quantity)
    return _single(
        LineKind.PLAN,
        f"{plan.name_ja} {seats_ja} {period.text_ja} {amount.words_ja}",
        f"{plan.name_en}{seats_en}, {period.text_en}, {amount.words_en}",
        amount.yen,
        price.tax_category,
        period,
    )


def _setup_line(plan: Plan, fee: SetupFee, period: Period) -> Line:
    return _single(
        LineKind.SETUP_FEE,
        f"{plan.name_ja} 初期費用",
        f"{plan.name_en}, set-up fee",
        fee.amount_yen,
        fee.tax_category,
        period,
    )


def _add_on_lines(
    add_ons: Iterable[AddOnInForce], plan: Plan, cycle: int, period: Period
) -> Iterator[Line]:
    charged = (entry for entry in add_ons if entry.is_charged_in(cycle))
    for entry in sorted(charged, key=lambda each: (each.add_on.code, each.since_cycle)):
        check_add_on(add_on=entry.add_on, plan_code=plan.code, quantity=entry.quantity)
        yield _add_on_line(entry, period)


def _add_on_line(entry: AddOnInForce, period: Period) -> Line:
    add_on, quantity = entry.add_on, entry.quantity
    amount = add_on.amount(quantity=quantity)
    tiered = isinstance(add_on.price, Tiered)
    many_ja, many_en = (f" ×{quantity}", f" × {quantity}") if quantity > 1 else ("", "")
    tail_ja = f" {period.text_ja}" if add_on.recurring else ""
    tail_en = f", {period.text_en}" if add_on.recurring else ""
    sold = 1 if tiered else quantity
    return Line(
        kind=LineKind.ADD_ON,
        description_ja=f"{add_on.name_ja}{many_ja}{tail_ja}"
        + (f" {amount.words_ja}" if tiered else ""),
        description_en=f"{add_on.name_en}{many_en}{tail_en}"
        + (f", {amount.words_en}" if tiered else ""),
        quantity=sold,
        unit_yen=amount.yen // sold,
        amount_yen=amount.yen,
        tax_category=add_on.tax_category,
        period=period,
    )


def _usage_lines(usage: Iterable[UsageCharge], price: Price) -> Iterator[Line]:
    """Corrections of earlier cycles first, then each cycle in its order, all at the plan's tax."""
    for charge in sorted(usage, key=lambda each: (not each.late, each.period)):
        kind = LineKind.USAGE_LATE if charge.late else LineKind.USAGE
        words_ja = f"{charge.meter} {charge.period.text_ja} {charge.amount.words_ja}"
        words_en = f"{charge.meter}, {charge.period.text_en}, {charge.amount.words_en}"
        if charge.late:
            words_ja += f"、請求済み{yen_ja(charge.billed_yen)}との差額"
            words_en += f", less {yen_en(charge.billed_yen)} billed before"
        yield _single(
            kind, words_ja, words_en, charge.amount_yen, price.tax_category, charge.period
        )


def _gift_line(gift: Gift, period: Period) -> Line:
    return _single(
        LineKind.GIFT,
        f"{gift.name_ja}({gift.cycle}回目特典) 0円",
        f"{gift.name_en} (gift of cycle {gift.cycle}), ¥0",
        0,
        gift.tax_category,
        period,
    )


def _single(
    kind: LineKind, ja: str, en: str, yen: int, tax_category: TaxCategory, period: Period
) -> Line:
    return Line(
        kind=kind,
        description_ja=ja,
        description_en=en,
        quantity=1,
        unit_yen=yen,
        amount_yen=yen,
        tax_category=tax_category,
        period=period,
    )


def _seats_en(quantity: int) -> str:
    return ", 1 seat" if quantity == 1 else f", {quantity} seats"
